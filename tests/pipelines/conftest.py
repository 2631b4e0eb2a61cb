"""What all tests of pipelines share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipelines.situations import warm_contracts


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[None]:
    """One process that checks contracts for all runs made in this process: importing what it needs takes seconds."""
    with warm_contracts():
        yield
