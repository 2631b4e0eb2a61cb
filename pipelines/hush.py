"""Beam remarks at its import that tools for Google are missing; nobody who runs elsewhere should have to read that."""

from __future__ import annotations

import logging


def hush_beam() -> None:
    """To be called before Beam is imported."""
    root = logging.getLogger()
    if _of_no_use not in root.filters:
        root.addFilter(_of_no_use)


def _of_no_use(record: logging.LogRecord) -> bool:
    return "apitools" not in record.getMessage()
