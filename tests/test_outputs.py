"""Outputs are never inputs, nor each other, however they are spelled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vidstyle.errors import OutputError
from vidstyle.outputs import check_file_output, check_outputs, write_text


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("clip.mp4").write_bytes(b"precious")
    Path("frames").mkdir()
    for number in range(3):
        Path(f"frames/{number:04}.png").write_bytes(b"a picture")
    return tmp_path


def _refused(output: str, *inputs: str) -> str:
    with pytest.raises(OutputError) as raised:
        check_outputs([("--json", Path(output))], inputs)
    return str(raised.value)


def test_no_spelling_of_an_input_is_an_output(place: Path) -> None:
    Path("symbolic.mp4").symlink_to("clip.mp4")
    os.link("clip.mp4", "hard.mp4")
    for name in ("clip.mp4", "./frames/../clip.mp4", str(place / "clip.mp4"), "symbolic.mp4", "hard.mp4"):
        assert f"--json {Path(name)} is the input" in _refused(name, "other.mp4", "clip.mp4")


def test_two_outputs_are_two_files(place: Path) -> None:
    for other in ("run.txt", str(place / "run.txt"), "frames/../run.txt"):
        with pytest.raises(OutputError, match="--json and --csv are both"):
            check_outputs([("--json", Path("run.txt")), ("--csv", Path(other))], ["clip.mp4"])


def test_the_folder_and_the_pictures_of_a_pattern_are_inputs() -> None:
    for pattern in ("frames/%04d.png", "frames/*.png"):
        assert "is the input" in _refused("frames", pattern)
        assert "is the input" in _refused("frames/0001.png", pattern)


def test_no_output_becomes_a_picture_of_its_input() -> None:
    assert "would become a picture of frames" in _refused("frames/sheet.png", "frames")
    assert "would become a picture" in _refused("frames/sheet.ppm", "frames")  # read, though never written
    assert "would become a picture" in _refused("frames/sheet.png", "frames/*.png")
    check_outputs([("--json", Path("frames/sheet.png"))], ["frames/%04d.png"])  # has no number
    check_outputs([("--json", Path("frames/run.json"))], ["frames"])


def test_the_name_of_a_bundled_style_is_free_for_results() -> None:
    check_outputs([("--output", Path("waves"))], ["clip.mp4", "waves"])


def test_an_existing_file_needs_overwrite_and_a_folder_must_be_there() -> None:
    check_file_output(("--json", Path("clip.mp4")), overwrite=True)
    for name, message in (
        ("clip.mp4", "give --overwrite"),
        ("frames", "is a folder"),
        ("none/run.json", "no folder none for --json; make it first"),
        ("n" * 300, "too long for a file's name"),
    ):
        with pytest.raises(OutputError, match=message):
            check_file_output(("--json", Path(name)), overwrite=False)


@pytest.mark.skipif(os.name == "nt", reason="devices of POSIX")
def test_text_goes_into_a_device_and_never_replaces_it() -> None:
    check_file_output(("--json", Path(os.devnull)), overwrite=False)
    write_text(Path(os.devnull), "{}")
    assert not Path(os.devnull).is_file()


def test_text_with_a_name_that_is_no_text_is_written() -> None:
    write_text(Path("run.json"), os.fsdecode(b"caf\xe9.mp4"))
    assert Path("run.json").read_text() == "caf\\udce9.mp4"
