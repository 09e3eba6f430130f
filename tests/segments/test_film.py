"""A film that is painted in segments equals one that is painted in one piece, and goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from films import FRAMES, assert_same_frames, frames_of, packets_of, write_film

import vidstyle
from vidstyle import OptionError, RunReport

LIMIT = 2.5  # s


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4")


def paint(film: Path, target: Path, **options: Any) -> RunReport:
    given = {"style": "waves", "engine": "stylenet", "device": "cpu", "segments": LIMIT}
    return vidstyle.stylize_video(film, target, **{**given, **options})


def test_a_lossless_film_in_segments_has_the_bytes_of_one_in_one_piece(film: Path, tmp_path: Path) -> None:
    one = paint(film, tmp_path / "one.mkv", codec="ffv1", segments="off")
    several = paint(film, tmp_path / "several.mkv", codec="ffv1")
    assert several.segments == 4
    assert (several.frames, several.duration, several.cuts) == (one.frames, one.duration, one.cuts)
    assert several.repainted == pytest.approx(one.repainted)
    assert (tmp_path / "several.mkv").read_bytes() == (tmp_path / "one.mkv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.mkv", "several.mkv"]
