"""Names that mean several files, names that only look so, and names made from both."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidstyle.atomic_write import write_atomically
from vidstyle.derived_names import LONGEST, fitted, name_beside
from vidstyle.patterns import files_of, folder_of, is_pattern

ODD = ("a [1].mp4", "100%d.mp4", "50%.mp4", "a#b.mp4", 'it\'s "it".mp4', "a\nb.mp4", "what?.mp4", "*.mp4")


@pytest.mark.parametrize("name", ODD)
def test_a_file_that_exists_is_no_pattern(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert not is_pattern(tmp_path / name)


def test_brackets_of_a_folder_are_part_of_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "shots [x264] 50%"
    folder.mkdir()
    for name in ("a_01.png", "a_02.png", "b [1].png", ".a_03.png"):
        (folder / name).touch()
    for pattern, count in (("*.png", 3), ("a_%02d.png", 2), ("b [[]1].png", 1)):
        assert len(files_of(folder / pattern)) == count
    assert not is_pattern(folder / "missing.png")
    assert folder_of(folder / "*.png") == folder


@pytest.mark.parametrize("pattern", ["%04d.png", "*.png", "[0-9]*.png"])
def test_names_made_from_a_pattern_lie_beside_its_folder(
    pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shot"
    folder.mkdir()
    assert name_beside(folder / pattern, "waves", ".mp4") == tmp_path / "shot_waves.mp4"
    monkeypatch.chdir(folder)
    assert name_beside(Path(pattern), "waves", ".mp4") == tmp_path / "shot_waves.mp4"


@pytest.mark.parametrize(
    ("name", "stem"), [(".", "shot"), ("..", "take"), ("shot/..", "shot"), ("../shot", "shot")]
)
def test_names_made_from_the_folder_one_is_in_lie_beside_it(
    name: str, stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "take" / "shot"
    (folder / "shot").mkdir(parents=True)
    monkeypatch.chdir(folder)
    made = name_beside(Path(name), "sheet", ".png").resolve()
    assert made.name == f"{stem}_sheet.png"
    assert made.parent == Path(name).resolve().parent


def test_long_names_are_cut_and_stay_apart(tmp_path: Path) -> None:
    for letter in ("n", "ö", "映"):
        long = [letter * (250 // len(letter.encode())) + end for end in ("a", "b")]
        names = {name_beside(tmp_path / f"{stem}.mp4", "waves", ".mp4").name for stem in long}
        assert len(names) == 2
        assert all(len(name.encode()) <= LONGEST and name.endswith(".mp4") for name in names)
    assert fitted("short", ".png") == "short.png"


def test_the_longest_name_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / f"{'n' * 250}.json"
    write_atomically(path, b"{}")
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
