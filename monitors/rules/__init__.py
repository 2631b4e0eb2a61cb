"""Rule packs: RE2 patterns with conditions and guards, each with its own tests, and the monitor that runs them."""

from __future__ import annotations

from monitors.rules.load import load_pack, read_pack
from monitors.rules.monitor import RuleMonitor, RuleSettings
from monitors.rules.pack import Rule, RulePack

__all__ = ["Rule", "RuleMonitor", "RulePack", "RuleSettings", "load_pack", "read_pack"]
