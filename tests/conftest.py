"""What many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# `make test` tries a few examples of every law, `make test-all` many.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real flux data beside the checkout; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real flux data are not here: no folder {folder}")
    return folder


@pytest.fixture(autouse=True)
def _own_caches(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a user's settings out of the tests."""
    for name in ("CARBONBENCH_DATA", "CARBONBENCH_REPO"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset folder of 30 SYNTHETIC towers x 3 years, named carbonbench; tests that change it copy it."""
    from carbonbench_core.demo import build_world

    out = tmp_path_factory.mktemp("world") / "carbonbench"
    return build_world(out, towers=30, years=3, seed=1, workers=1).out
