"""The code-action monitor: what the model did in code, apart from what it said."""

from __future__ import annotations

from monitors.code.monitor import CodeMonitor, CodeSettings

__all__ = ["CodeMonitor", "CodeSettings"]
