"""The canary: one public prefix that every artefact of monitoring carries, and that training data must never hold."""

from __future__ import annotations

CANARY = "COTMONITOR-CANARY-DO-NOT-TRAIN"
