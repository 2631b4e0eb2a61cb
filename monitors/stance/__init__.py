"""How a model stands to what it says or does, who had allowed it, and how much that matters."""

from __future__ import annotations

from monitors.stance.behaviours import WEIGHED, Weighed
from monitors.stance.disclosure import discloses
from monitors.stance.grading import alerts, level, possible, suspicion
from monitors.stance.words import read_words

__all__ = ["WEIGHED", "Weighed", "alerts", "discloses", "level", "possible", "read_words", "suspicion"]
