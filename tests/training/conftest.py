"""Folders of pictures that tests of training share, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import make_pictures


@pytest.fixture(scope="session")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures, one of them in a folder below."""
    folder = make_pictures(tmp_path_factory.mktemp("training") / "contents", 4)
    make_pictures(folder / "more", 1, seed=8)
    return folder


@pytest.fixture(scope="session")
def styles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures."""
    return make_pictures(tmp_path_factory.mktemp("training") / "styles", 3, seed=5)
