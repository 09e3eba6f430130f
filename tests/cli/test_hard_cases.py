"""Names, places and outputs that invite mistakes: what would lose files is refused, the rest simply works."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
from clips import shapes, write_clip

from vidstyle.cli.inputs import expand, targets
from vidstyle.cli.main import main
from vidstyle.evaluation.html_report import _curves
from vidstyle.options import WriteOptions
from vidstyle.video.reading import pipes

WRITE = WriteOptions()
FAST = ("--style", "art.png", "--temporal", "none", "--preset", "ultrafast", "--working-size", "16")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to be in, with a style picture and a clip of three frames."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    cv2.imwrite("art.png", np.random.default_rng(4).integers(0, 255, (40, 40, 3), np.uint8))
    write_clip(Path("clip.mp4"), shapes(3, 64, 48))
    used: dict[str, pipes.Pipe] = {}
    monkeypatch.setattr(pipes, "_PIPES", used)
    yield place
    for pipe in used.values():
        pipe.close()


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """The message of a command that must leave everything as it was."""
    before = _tree(Path())
    assert main(arguments) == code
    assert _tree(Path()) == before
    return capsys.readouterr().err


def test_pictures_that_a_style_track_names_are_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sub").mkdir()
    Path("art.png").rename("sub/art.png")
    Path("sub/track.txt").write_text("0 waves\n1 art.png\n")
    arguments = ("run", "clip.mp4", "--style-track", "sub/track.txt", "--overwrite")
    for more in (("--json", "sub/art.png"), ("--codec", "png", "-o", "sub/art.png")):
        assert "sub/art.png is the input itself" in _refused(capsys, *arguments, *more)


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_style_track_comes_through_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    read, write = os.pipe()
    os.write(write, b"0 art.png\n")
    os.close(write)
    track = f"/proc/self/fd/{read}" if Path("/proc/self/fd").exists() else f"/dev/fd/{read}"
    # its pictures are looked for beside it, as those of a file
    assert main(("run", "clip.mp4", "--style-track", track, "-o", "x.mp4")) == 1
    assert "no style 'art.png'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "", *FAST),
        ("run", "clip.mp4", "--style", ""),
        ("run", "clip.mp4", *FAST, "-o", ""),
        ("run", "clip.mp4", *FAST, "--json="),
        ("image", "", *FAST[:2]),
        ("evaluate", "clip.mp4", "--source", ""),
    ],
)
def test_an_empty_word_is_a_usage_error(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is empty (" in _refused(capsys, *arguments, code=2)


@pytest.mark.parametrize("name", ["$x^$", r"$\frac$", "caf\udce9", "_hidden", "two\nlines"])
def test_curves_are_drawn_whatever_results_are_called(name: str) -> None:
    evaluation = SimpleNamespace(
        values={"warping_error": {}},
        times=[0.0, 1.0],
        columns=[name],
        results=[name],
        curves={name: {"warping_error": [0.1, 0.2]}},
        cuts=[Fraction(1, 2)],
    )
    pytest.importorskip("matplotlib")
    assert len(_curves(cast(Any, evaluation))) == 1


@pytest.mark.parametrize(
    ("pattern", "count"), [("d1*/a.mp4", 2), ("d[12]/a.mp4", 2), ("**/a.mp4", 4), ("d*/*.mp4", 4)]
)
def test_patterns_of_folders_find_each_clip(pattern: str, count: int) -> None:
    for name in ("d1/a.mp4", "d1/b.mp4", "d2/a.mp4", "d10/a.mp4", "other/in/a.mp4"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    sources = expand([pattern], "waves", WRITE)
    assert len(sources) == count
    paths = targets(sources, None, "waves", WRITE)
    assert [target.parent for target in paths] == [Path(source).parent for source in sources]


def test_pictures_in_several_folders_have_their_result_above_them_and_no_higher() -> None:
    for name in ("d1/0001.png", "d2/0002.png"):
        Path(name).parent.mkdir()
        Path(name).touch()
    (target,) = targets(["d*/*.png"], None, "waves", WRITE)
    assert target.resolve().parent == Path().resolve()


def test_results_with_shortened_names_and_of_sequences_are_recognised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vidstyle.cli.inputs.is_result", lambda path: "mine" not in path.name)
    Path("clips/fr").mkdir(parents=True)
    long = "n" * 248
    for name in (f"{long}.mp4", "fr_waves.mp4", "fr_mine.mp4"):
        (Path("clips") / name).touch()
    for style in ("waves", "a-style-with-a-long-name"):
        (made,) = targets([f"clips/{long}.mp4"], None, style, WRITE)
        made.touch()
        assert "~" in made.stem
    names = [Path(source).name for source in expand(["clips"], "ink", WRITE)]
    assert names == ["fr_mine.mp4", f"{long}.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_named_pipe_takes_no_report(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    assert main(("run", "clip.mp4", *FAST, "--json", "pipe")) == 1
    assert "--json pipe is a named pipe" in capsys.readouterr().err
    assert main(("evaluate", "clip.mp4", "--source", "clip.mp4", "--csv", "pipe")) == 1
    assert "--csv pipe is a named pipe" in capsys.readouterr().err


def test_a_report_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("run", "clip.mp4", *FAST, "--json", "-")) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["frames"] == 3
    assert "clip_art.mp4: 3 frames" in output.err
    assert not Path("-").exists()


@pytest.mark.skipif(os.name == "nt", reason="devices of POSIX")
def test_two_outputs_never_share_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert "are both" in _refused(capsys, "run", "clip.mp4", *FAST, "-o", "-", "--json", "-")
    arguments = ("evaluate", "clip.mp4", "--source", "clip.mp4", "--json", "-", "--csv", "/dev/stdout")
    assert "are both" in _refused(capsys, *arguments)


def test_nothing_is_written_into_a_folder_that_is_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "clip.mp4", "--codec", "png", "-o", "sq", "--overwrite")
    for is_there in (False, True):
        if is_there:
            Path("sq").mkdir()
            Path("art.png").rename("sq/000000.png")
        output = _refused(capsys, *arguments, "--style", "waves", "--json", "sq/000001.png")
        assert "--json sq/000001.png is inside sq" in output
    assert "the input sq/000000.png is inside sq" in _refused(capsys, *arguments, "--style", "sq/000000.png")


def test_a_refused_run_leaves_no_empty_folder(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.mp4").write_bytes(Path("clip.mp4").read_bytes())
    arguments = ("run", "clip.mp4", "other.mp4", *FAST, "-o", "painted")
    assert "is the input itself" in _refused(capsys, *arguments, "--json", "art.png")
    _refused(capsys, *arguments, "--mask", "none.png")


def test_messages_hold_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\nb\x1b[31m\u202e.mp4"
    output = _refused(capsys, "run", name, *FAST)
    assert output.count("\n") == 1
    assert "a\\nb\\x1b[31m\\u202e.mp4" in output
    Path("clip.mp4").rename(name)
    assert main(("run", name, *FAST)) == 0
    assert capsys.readouterr().out.startswith("a\\nb\\x1b[31m\\u202e_art.mp4: 3 frames")
    assert Path("a\nb\x1b[31m\u202e_art.mp4").is_file()
