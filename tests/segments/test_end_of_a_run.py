"""A run that is killed when its film is whole, before its work is removed, leaves nothing in the way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from films import FRAMES, write_film

import vidstyle
from vidstyle import OptionError, OutputError, RunReport
from vidstyle.segments import work_folder
from vidstyle.segments.work_folder import WorkFolder

_COUNT = 32  # frames: two segments


class Killed(BaseException):
    """What ends a run at a chosen moment."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4")


def paint(film: Path, target: Path, **options: Any) -> RunReport:
    given = {"style": "waves", "engine": "plain_engine:plain", "device": "cpu", "temporal": "none"}
    return vidstyle.stylize_video(film, target, **{**given, "segments": 2.5, "frames": _COUNT, **options})


def killed(film: Path, target: Path, monkeypatch: pytest.MonkeyPatch, discards: int, **options: Any) -> None:
    """Paint ``target`` whole, and end once so many parts of the work have been removed."""
    discard, left = work_folder._discard, discards

    def discard_or_end(item: Path) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        discard(item)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(work_folder, "_discard", discard_or_end)
        paint(film, target, **options)


def killed_without_a_manifest(film: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The work folder of a run that was killed when ``target`` was whole, its manifest damaged since."""
    killed(film, target, monkeypatch, 0, codec="ffv1")
    work = WorkFolder(target, None).path
    (work / "manifest.json").write_bytes(b"{")
    return work


def contents(target: Path) -> list[bytes]:
    return [file.read_bytes() for file in (sorted(target.iterdir()) if target.is_dir() else [target])]


@pytest.mark.parametrize(
    ("name", "options"),
    [("film.mp4", {}), ("film.gif", {}), ("pictures", {"codec": "png"})],
    ids=["mp4", "gif", "png"],
)
def test_a_film_that_is_whole_is_left_as_it_is_and_its_work_is_removed(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any]
) -> None:
    target = tmp_path / name
    killed(film, target, monkeypatch, 0, **options)
    before, changed = contents(target), target.stat().st_mtime_ns
    assert len(list(tmp_path.iterdir())) == 2
    report = paint(film, target, **options)
    assert report.reused == report.frames == _COUNT
    assert (contents(target), target.stat().st_mtime_ns) == (before, changed)
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(OutputError, match="overwrite"):
        paint(film, target, **options)


def test_work_may_be_half_removed(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "film.mkv"
    killed(film, target, monkeypatch, 0, codec="ffv1")
    work, kept = WorkFolder(target, None), tmp_path / "kept"
    shutil.copytree(work.path, kept)
    discard = work_folder._discard
    for last in ("first", "manifest.json"):  # that is not removed any more

        def discard_or_end(item: Path, last: str = last) -> None:
            if item.name == last or (last == "first" and item.name.endswith(".json")):
                raise Killed
            discard(item)

        shutil.rmtree(work.path, ignore_errors=True)
        shutil.copytree(kept, work.path)
        with monkeypatch.context() as patch, pytest.raises(Killed), work:
            patch.setattr(work_folder, "_discard", discard_or_end)
            work.remove()
        assert (work.path / "manifest.json").exists()
        assert paint(film, target, codec="ffv1").reused == _COUNT
        assert sorted(tmp_path.iterdir()) == sorted([target, kept])


def test_an_empty_work_folder_is_removed_with_the_refusal(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"
    target.write_bytes(b"a film")
    with WorkFolder(target, None):
        pass
    with pytest.raises(OutputError, match="exists already"):
        paint(film, target, segments="auto")
    assert list(tmp_path.iterdir()) == [target]


def test_another_file_in_the_place_of_the_film_is_not_taken_for_it(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "film.mkv"
    killed(film, target, monkeypatch, 0, codec="ffv1")
    whole = contents(target)
    target.write_bytes(b"something else")
    with pytest.raises(OutputError, match="exists already"):
        paint(film, target, codec="ffv1")
    assert target.read_bytes() == b"something else" and WorkFolder(target, None).exists()
    assert paint(film, target, codec="ffv1", overwrite=True).reused == _COUNT
    assert contents(target) == whole


def test_other_options_are_told_of_a_film_that_is_whole(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "film.mkv"
    killed(film, target, monkeypatch, 0, codec="ffv1")
    with pytest.raises(OptionError, match=r"strength was 1\.0 and now is 0.5"):
        paint(film, target, codec="ffv1", strength=0.5)
    with pytest.raises(OutputError, match="exists already"):
        paint(film, target, codec="ffv1", strength=0.5, restart=True)


def test_segments_are_found_without_a_manifest_by_a_run_that_may_overwrite(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "film.mkv"
    killed_without_a_manifest(film, target, monkeypatch)
    painted = painted_frames(film, target, codec="ffv1", overwrite=True, keep_work=True)
    assert painted == []


def test_a_damaged_record_of_a_segment_is_found(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "film.mkv"
    work = killed_without_a_manifest(film, target, monkeypatch)
    record = json.loads((work / "00000.json").read_bytes())
    record["content"]["delay"] = 3
    (work / "00000.json").write_text(json.dumps(record), encoding="utf-8")
    painted = painted_frames(film, target, codec="ffv1", overwrite=True)
    assert 0 in painted and FRAMES - 1 not in painted and _COUNT - 1 not in painted


def painted_frames(film: Path, target: Path, **options: Any) -> list[int]:
    """The numbers of the frames that a run paints."""
    numbers: list[int] = []
    paint(film, target, on_frame=lambda progress: numbers.append(progress.index), **options)
    return numbers


def test_a_folder_of_pictures_is_replaced_though_a_killed_run_left_half_of_the_old_one(
    film: Path, tmp_path: Path
) -> None:
    target, old = tmp_path / "pictures", tmp_path / ".pictures.old"
    paint(film, target, codec="png", frames=3, segments="off")
    old.mkdir()
    (old / "000001.png").write_bytes(b"half removed")
    paint(film, target, codec="png", frames=4, segments="off", overwrite=True)
    assert len(list(target.iterdir())) == 4
    assert list(tmp_path.iterdir()) == [target]
