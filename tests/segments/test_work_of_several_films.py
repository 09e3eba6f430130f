"""What is said of kept work, and of films that would keep their work in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from films import write_film

import vidstyle
from vidstyle import OptionError, RunReport
from vidstyle.segments.status import films_in


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", sounds=[], chapters=[])


def paint(film: Path, target: Path, **options: Any) -> RunReport:
    given = {"style": "waves", "engine": "plain_engine:plain", "device": "cpu", "temporal": "none"}
    return vidstyle.stylize_video(film, target, **{"segments": 2.5, **given, **options})


def test_films_of_one_name_are_told_apart_in_a_shared_work_folder(film: Path, tmp_path: Path) -> None:
    shared, targets = tmp_path / "work", [tmp_path / name / "film.mkv" for name in "ab"]
    for target in targets:
        target.parent.mkdir()
    options = {"work_dir": shared, "codec": "ffv1"}
    paint(film, targets[0], keep_work=True, **options)
    for given in ({}, {"segments": "auto"}, {"resume": True}):
        with pytest.raises(OptionError, match=r"holds the work of .*a/film\.mkv, and not of .*b/film\.mkv"):
            paint(film, targets[1], **{**options, **given})
    assert not targets[1].exists()
    assert [status.target for status in films_in(shared)] == [targets[0]]
    assert paint(film, targets[1], restart=True, **options).reused == 0


def test_a_film_that_is_gone_is_not_called_whole_and_joined_again(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"
    paint(film, target, keep_work=True, codec="ffv1")
    assert [status.is_whole for status in films_in(tmp_path)] == [True]
    whole = target.read_bytes()
    target.unlink()
    assert [status.is_whole for status in films_in(tmp_path)] == [False]
    assert paint(film, target, codec="ffv1").reused > 0
    assert target.read_bytes() == whole


def test_a_folder_that_was_moved_is_known_to_hold_the_film(film: Path, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    paint(film, tmp_path / "before" / "film.mkv", keep_work=True)
    (tmp_path / "before").rename(tmp_path / "after")
    assert [status.is_whole for status in films_in(tmp_path / "after")] == [True]
