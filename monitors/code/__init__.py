"""The code-action monitor: what the model did in code, apart from what it said."""

from __future__ import annotations

from monitors.code.monitor import THRESHOLD, CodeMonitor, CodeSettings

__all__ = ["THRESHOLD", "CodeMonitor", "CodeSettings"]
