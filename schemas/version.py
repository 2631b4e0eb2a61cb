"""The version of this distribution, which `setup.py` states as well."""

from __future__ import annotations

VERSION = "0.1.0"
