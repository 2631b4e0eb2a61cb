"""Commands without the power of root to read what is closed to everybody."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

CAPABILITIES = "-dac_override,-dac_read_search"


def without_powers() -> list[str]:
    """What to put before a command so that folders of mode 0 are closed to it; skips the test where nothing does it."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("tests run as root, and there is no setpriv to take root's powers away")
    prefix = ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("tests run as root, and setpriv may not take root's powers away")
    return prefix
