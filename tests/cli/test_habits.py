"""What people do with real files, command by command: outputs, names, patterns, second runs, hints."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import shapes, write_clip

from vidstyle.cli.inputs import expand
from vidstyle.cli.main import main
from vidstyle.options import WriteOptions
from vidstyle.video.reading.reader import Reader

FAST = ("--style", "art.png", "--temporal", "none", "--preset", "ultrafast", "--working-size", "16")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a style picture, a clip of three frames and a folder of three frames."""
    place = tmp_path / "place"
    (place / "fr").mkdir(parents=True)
    monkeypatch.chdir(place)
    cv2.imwrite("art.png", np.random.default_rng(4).integers(0, 255, (40, 40, 3), np.uint8))
    pictures = shapes(3, 64, 48)
    write_clip(Path("clip.mp4"), pictures)
    for number, picture in enumerate(pictures):
        cv2.imwrite(f"fr/{number:04}.png", picture)
    return place


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


_REFUSED = [
    (("run", "clip.mp4", "--style", "waves", "--json", "art.png"), "exists already; give --overwrite"),
    (("run", "clip.mp4", *FAST, "--json", "art.png", "--overwrite"), "art.png is the input itself"),
    (("run", "clip.mp4", *FAST, "--json", "clip_art.mp4"), "the result and --json are both clip_art.mp4"),
    (("run", "clip.mp4", "clip_art.mp4", *FAST, "--overwrite"), "clip_art.mp4 is the input itself"),
    (("run", "fr", *FAST, "--codec", "png", "-o", "fr", "--overwrite"), "fr is the input itself"),
    (("run", "fr/%04d.png", *FAST, "--codec", "png", "-o", "fr", "--overwrite"), "is the input fr/%04d.png"),
    (("run", "fr/*.png", *FAST, "--codec", "png", "-o", "fr", "--overwrite"), "fr is the input fr/*.png"),
    (("image", "art.png", "--style", "waves", "-o", "art.png", "--overwrite"), "art.png is the input itself"),
    (("image", "fr/0000.png", "--style", "art.png", "-o", "art.png", "--overwrite"), "the input itself"),
    (("sheet", "fr", "--style", "art.png", "-o", "fr/sheet.png"), "would become a picture of fr"),
    (("sheet", "clip.mp4", "--style", "art.png", "-o", "art.png", "--overwrite"), "is the input itself"),
    (("steady", "clip.mp4", "fr", "-o", "clip.mp4", "--overwrite"), "clip.mp4 is the input itself"),
    (("evaluate", "fr", "--source", "clip.mp4", "--heatmap", "clip.mp4", "--overwrite"), "the input itself"),
    (("evaluate", "fr", "--source", "clip.mp4", "--csv", "art.png"), "exists already; give --overwrite"),
    (("train", "adain", "--content", "fr", "--style", "fr", "-o", "fr"), "--output fr is the input itself"),
    (("run", "fr/0000.png", "fr/0001.png", *FAST), "or their pattern in quotes: 'fr/*.png'"),
    (("run", "https://example.org/clip.mp4", *FAST), "is an address, not a file; download it first"),
    (("sheet", "http://example.org/clip.mp4", "--style", "art.png"), "is an address, not a file"),
    (("run", "none*.mp4", *FAST), "none fits it as a pattern"),
    (("run", "n" * 300, *FAST), "File name too long"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), _REFUSED, ids=lambda arguments: " ".join(arguments)[:60])
def test_what_would_go_wrong_is_refused_before_anything_is_done(
    arguments: tuple[str, ...], message: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "clip_art.mp4" in arguments and "--json" not in arguments:
        Path("clip_art.mp4").write_bytes(Path("clip.mp4").read_bytes())
    before = _contents(workplace)
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert _contents(workplace) == before


@pytest.mark.parametrize("place", ["folder", "pattern", "inside"])
def test_what_is_made_of_a_sequence_goes_beside_its_folder(
    place: str, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "inside":
        monkeypatch.chdir("fr")
    source = {"folder": "fr", "pattern": "fr/%04d.png", "inside": "."}[place]
    style = str(workplace / "art.png")
    arguments = ("--style", style, "--working-size", "16")
    assert main(["sheet", source, *arguments, "--moments", "1"]) == 0
    assert main(["run", source, *arguments, "--temporal", "none", "--preview"]) == 0
    assert main(["run", source, *arguments, "--temporal", "none", "--preset", "ultrafast"]) == 0
    made = {path.name for path in workplace.iterdir()} - {"fr", "art.png", "clip.mp4"}
    assert made == {"fr_art.mp4", "fr_art_preview.png", "fr_sheet.png"}
    assert len(list((workplace / "fr").iterdir())) == 3


@pytest.mark.parametrize(
    "name", ["a [1080p].mp4", "100%d.mp4", "it's #1.mp4", "a\nb.mp4", "n" * 246 + ".mp4", "a:b.mp4"]
)
@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
def test_any_name_is_read_and_written(name: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("clip.mp4").rename(name)
    assert main(["run", name, *FAST]) == 0
    assert main(["run", name, *FAST, "-o", name.replace(".mp4", ".mkv")]) == 0
    assert main(["sheet", name, "--style", "art.png", "--moments", "1"]) == 0
    made = {path.name for path in workplace.iterdir()} - {"fr", "art.png", name}
    assert len(made) == 3
    assert all(file.startswith(name[:3]) and not file.startswith(".") for file in made)


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
def test_a_name_that_is_no_text_does_not_stop_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"caf\xe9.mp4")
    Path(odd).write_bytes(Path("clip.mp4").read_bytes())
    assert main(["run", odd, "clip.mp4", *FAST, "--json", "run.json"]) == 0
    assert capsys.readouterr().out.endswith("2 of 2 inputs done\n")
    assert json.loads(Path("run.json").read_text())["runs"][0]["source"] == odd
    assert Path(odd.replace(".mp4", "_art.mp4")).exists()


def test_a_pattern_of_clips_stands_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(Path("clip2.mp4"), shapes(2, 64, 48))
    assert main(["run", "cl*.mp4", *FAST]) == 0
    assert {"clip_art.mp4", "clip2_art.mp4"} <= {path.name for path in Path().iterdir()}
    assert main(["sheet", "*2.mp4", "--style", "art.png", "--moments", "1", "-o", "sheet.png"]) == 0


def test_a_folder_painted_in_another_style_leaves_earlier_results_alone(workplace: Path) -> None:
    Path("clips").mkdir()
    Path("clip.mp4").rename("clips/clip.mp4")
    write_clip(Path("clips/clip_2.mp4"), shapes(2, 64, 48))  # a clip, whatever its name
    assert main(["run", "clips", *FAST]) == 0
    sources = expand(["clips"], "waves", WriteOptions())
    assert sources == ["clips/clip.mp4", "clips/clip_2.mp4"]
    Path("clips/clip.mp4").unlink()
    assert "clips/clip_art.mp4" in expand(["clips"], "waves", WriteOptions())  # nothing else of it is there


def test_skip_existing_paints_only_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(Path("second.mp4"), shapes(2, 64, 48))
    Path("clip_art.mp4").write_text("mine")
    assert main(["run", "clip.mp4", "second.mp4", *FAST, "--skip-existing", "--json", "run.json"]) == 0
    assert Path("clip_art.mp4").read_text() == "mine"
    out = capsys.readouterr().out
    assert out.startswith("clip_art.mp4: exists already, skipped\n")
    assert out.endswith("1 of 2 inputs done, 1 skipped\n")
    assert json.loads(Path("run.json").read_text())["skipped"] == ["clip.mp4"]
    assert main(["image", "fr/0000.png", "--style", "art.png", "-o", "art.png", "--skip-existing"]) == 1
    assert main(["run", "clip.mp4", *FAST, "--skip-existing", "--overwrite"]) == 2


def test_gaps_in_the_numbers_of_a_folder_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("fr/0001.png").unlink()
    assert main(["run", "fr", *FAST]) == 0
    assert "fr: 1 numbers between 0 and 2 are missing" in capsys.readouterr().err


def test_a_run_without_a_terminal_says_now_and_then_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vidstyle.cli.progress.PAUSE", 0.0)
    assert main(["run", "clip.mp4", *FAST]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("vidstyle: clip.mp4: 00:00/00:00")
    assert len(lines) == 3
    assert main(["run", "clip.mp4", *FAST, "--overwrite", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_rate_for_a_clip_is_told_to_do_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "clip.mp4", *FAST, "--rate", "5"]) == 0
    assert "clip.mp4 has times of its own: --rate is for pictures" in capsys.readouterr().err
    with Reader("clip_art.mp4") as reader:
        assert reader.info.rate == 25
    assert main(["steady", "fr", "clip_art.mp4", "--rate", "25", "-o", "steady.mp4"]) == 0
    assert capsys.readouterr().err == ""


def test_a_file_called_like_an_option_is_told_how_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    Path("clip.mp4").rename("-clip.mp4")
    assert main(["run", "-clip.mp4", *FAST]) == 2
    assert "write ./-clip.mp4 for the file" in capsys.readouterr().err
    assert main(["run", "./-clip.mp4", *FAST]) == 0
    assert Path("-clip_art.mp4").exists()


def test_a_pattern_that_the_shell_expanded_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sheet", "fr/0000.png", "fr/0001.png", "--style", "art.png"]) == 2
    assert "a pattern needs quotes: 'fr/*.png'" in capsys.readouterr().err


def test_pictures_that_cannot_be_read_are_told_what_to_become(capsys: pytest.CaptureFixture[str]) -> None:
    Path("renders").mkdir()
    Path("renders/0001.exr").touch()
    for source in ("renders", "renders/%04d.exr"):
        assert main(["run", source, *FAST]) == 1
        assert ".exr cannot be read: convert them to 16-bit PNG or TIFF" in capsys.readouterr().err


def test_a_pattern_of_pictures_that_the_shell_left_stands_for_each() -> None:
    assert main(["image", "fr/*.png", "--style", "art.png", "--working-size", "16"]) == 0
    assert {path.name for path in Path("fr").glob("*_art.png")} == {f"{n:04}_art.png" for n in range(3)}


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_style_through_a_pipe_is_told_to_be_saved(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    assert main(["run", "clip.mp4", "--style", "pipe"]) == 1
    assert "pipe is a pipe or device; a style is read from a file: save it first" in capsys.readouterr().err
