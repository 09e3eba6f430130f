"""Project files: a run from one gives the same bytes, from any folder, and what is wrong in one is a line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import shapes, write_clip

import vidstyle
from vidstyle.cli.main import main


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a clip, a style picture and a mask in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    write_clip(Path("clip.mp4"), shapes(4, 64, 48))
    cv2.imwrite("painting.png", np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
    Path("masks").mkdir()
    cv2.imwrite("masks/mask.png", np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1)))
    return tmp_path


def test_a_run_from_a_project_gives_the_same_bytes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--layer", "painting.png=masks/mask.png", "--mask", "masks/mask.png", "--start", "0.04"]
    options += [
        "--strength",
        "0.8",
        "--codec",
        "ffv1",
        "--engine",
        "stylenet",
        "--encoder-options",
        "slices=4",
    ]
    command = ["run", "clip.mp4", "--style", "waves", *options, "-q"]
    assert main([*command, "-o", "one.mkv", "--save-project", "set.json"]) == 0
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["run", "--project", "../set.json", "-o", "two.mkv", "-q"]) == 0
    assert (elsewhere / "two.mkv").read_bytes() == (place / "one.mkv").read_bytes()
    project = vidstyle.load_project(place / "set.json")
    vidstyle.stylize_video(project.clip, "three.mkv", style=project.styles, **project.options)  # type: ignore[arg-type]
    assert (elsewhere / "three.mkv").read_bytes() == (place / "one.mkv").read_bytes()


def test_a_project_moves_with_its_folder(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    options = {"mask": "masks/mask.png", "layer": {"painting.png": "masks/mask.png"}, "start": "1/3"}
    vidstyle.save_project("set.json", vidstyle.Project(Path("clip.mp4"), ("painting.png", "waves"), options))
    text = Path("set.json").read_text()
    assert str(place) not in text
    moved = place.rename(tmp_path_factory.mktemp("moved") / "folder")
    project = vidstyle.load_project(moved / "set.json")
    assert project.clip == moved / "clip.mp4"
    assert project.styles == (str(moved / "painting.png"), "waves")
    assert project.options["layer"] == ((str(moved / "painting.png"), moved / "masks/mask.png"),)


def test_pictures_come_from_the_projects_folder_alone_and_folders_are_no_styles(place: Path) -> None:
    Path("waves").mkdir()
    Path("elsewhere").mkdir()
    vidstyle.save_project("elsewhere/set.json", vidstyle.Project(Path("clip.mp4"), ("waves",)))
    assert vidstyle.load_project("elsewhere/set.json").styles == ("waves",)
    assert vidstyle.stylize_image("painting.png", style="waves", working_size=32).any()
    text = '{"vidstyle_project": 1, "clip": "../clip.mp4", "styles": ["painting.png"]}'
    Path("elsewhere/other.json").write_text(text)
    styles = vidstyle.load_project("elsewhere/other.json").styles
    assert [Path(style).as_posix() for style in styles] == ["elsewhere/painting.png"]


def test_what_the_command_gives_goes_before_the_project(place: Path) -> None:
    project = vidstyle.Project(Path("clip.mp4"), ("waves",), {"strength": 0.5, "engine": "stylenet"})
    vidstyle.save_project("set.json", project)
    words = ["run", "--project", "set.json", "--style", "painting.png", "--strength", "0", "-q"]
    assert main([*words, "-o", "out.mkv", "--json", "report.json"]) == 0
    options = json.loads(Path("report.json").read_text())["options"]
    assert (options["style"], options["strength"], options["engine"]) == (["painting.png"], 0, "stylenet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", "set.json is not a project: JSON like {"),
        ("[" * 100_000, "set.json is not a project: JSON like {"),
        ('{"vidstyle_project": 1, "clip": %s}' % ("9" * 5000), "set.json is not a project: JSON like {"),
        ('{"vidstyle_project": 1, "clip": "clip.mp4", "styles": ["a/gone.png"]}', "no style 'a/gone.png'"),
        ("[]", 'set.json is not a project: the entry "vidstyle_project" is missing'),
        ('{"vidstyle_project": 9}', "is a project of version 9, and this vidstyle reads 1"),
        ('{"vidstyle_project": 1}', 'the entry "clip" must be the path of a clip, got None'),
        ('{"vidstyle_project": 1, "clipp": "a"}', "unknown entry \"clipp\"; did you mean 'clip'?"),
        ('{"vidstyle_project": 1, "clip": "a", "styles": "b"}', 'entry "styles" must be a list'),
        (
            '{"vidstyle_project": 1, "clip": "a", "options": {"strengt": 1}}',
            "unknown option \"strengt\"; did you mean 'strength'?",
        ),
        (
            '{"vidstyle_project": 1, "clip": "a", "options": {"strength": 9}}',
            "set.json: --strength must be from 0 to 1.5, got 9",
        ),
        ('{"vidstyle_project": 1, "clip": "gone.mp4", "styles": ["waves"]}', "gone.mp4"),
    ],
)
def test_a_wrong_project_is_one_line(
    content: str, message: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("set.json").write_text(content)
    assert main(["run", "--project", "set.json", "-o", "out.mp4"]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not Path("out.mp4").exists()


def test_a_project_replaces_no_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "clip.mp4", "--style", "painting.png", "-o", "out.mp4", "--save-project"]
    assert main([*words, "painting.png", "--overwrite"]) == 1
    assert main([*words, "masks"]) == 1
    Path("set.json").touch()
    assert main([*words, "set.json"]) == 1
    assert "set.json exists already; give --overwrite to replace it" in capsys.readouterr().err
    assert not Path("out.mp4").exists()
