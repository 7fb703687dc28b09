"""What the tests of the Hub share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .server import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Return a Hub of the test's own."""
    with Hub(tmp_path) as hub:
        yield hub
