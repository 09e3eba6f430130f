"""``vidstyle adapt`` and ``vidstyle run --adapt`` as a person uses them, and the commands of their page."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import shapes, write_clip
from folders import make_pictures

from vidstyle import weights
from vidstyle.adaptation import before_and_after, tuner
from vidstyle.cli.adapt import minutes_of
from vidstyle.cli.main import main
from vidstyle.engines.wct_slim import build

PAGE = (Path(__file__).parents[2] / "docs" / "adapt.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.S | re.M)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("vidstyle")]
PYTHON = re.findall(r"^```py\n(.*?)^```", PAGE, re.S | re.M)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page, in which steps are small and minutes are hundredths of seconds."""
    for name, value in (("_BATCH", 2), ("_CROP", 48), ("_STYLE_SIDES", (64,)), ("_MEASURED_SIDE", 64)):
        monkeypatch.setattr(tuner, "_STYLE_CROPS", 0)
        monkeypatch.setattr(tuner, name, value)
    monkeypatch.setattr(before_and_after, "_SIDE", 64)
    monkeypatch.chdir(tmp_path)
    make_pictures(Path("paintings"), 5, seed=5)
    for name, picture in zip("abcde", sorted(Path("paintings").iterdir()), strict=True):
        Path(f"{name}.jpg").write_bytes(picture.read_bytes())
    make_pictures(Path("photos"), 2)
    write_clip(Path("clip.mp4"), shapes(4, 96, 64))
    return tmp_path


def hurried(line: str) -> list[str]:
    """The words of a command, with a moment for its minutes."""
    words = shlex.split(line, comments=True)[1:]
    if words[0] == "adapt":
        return [*words, "--minutes", "0.001"]
    return [
        "0.01s" if before == "--adapt" else word for before, word in zip(["", *words], words, strict=False)
    ]


def test_the_commands_of_the_page_work_in_their_order(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in COMMANDS:
        assert main(hurried(line)) == 0, (line, capsys.readouterr().err)
    assert {command.split()[1] for command in COMMANDS} == {"adapt", "run"}
    build(Path("mine.safetensors"))
    assert Path("mine.jpg").stat().st_size > 1000
    for code in PYTHON:
        exec(compile(code.replace("minutes=5", "minutes=0.001"), "page", "exec"), {})


def test_adapt_says_what_was_gained(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["adapt", "--style", "a.jpg", "b.jpg", "--content", "photos", "-o", "new.safetensors"]
    assert main([*command, "--steps", "2"]) == 0
    said = capsys.readouterr().out
    assert re.fullmatch(
        r"new\.safetensors: 2 steps in \d\d:\d\d, style distance to a\.jpg and b\.jpg [\d.]+ -> [\d.]+; "
        r"see new\.jpg\n",
        said,
    )
    assert json.loads(weights.metadata(Path("new.safetensors"))["styles"]) == ["a.jpg", "b.jpg"]


def test_run_with_adapt_paints_with_tuned_weights_and_leaves_the_result_alone(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(workplace.iterdir())
    assert main(["run", "clip.mp4", "--style", "a.jpg", "--adapt", "0.01s", "--json", "run.json"]) == 0
    assert "adapted in" in capsys.readouterr().out
    assert {path.name for path in set(workplace.iterdir()) - before} == {"clip_a.mp4", "run.json"}
    assert json.loads((workplace / "run.json").read_text())["options"]["engine"] == "wct-slim"


def test_run_with_adapt_tunes_the_engine_that_paints(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "clip.mp4", "--style", "a.jpg", "--adapt", "0.01s", "--json", "run.json"]
    assert main([*words, "--engine", "wct-single-pass"]) == 0
    assert "adapted in" in capsys.readouterr().out
    assert json.loads((workplace / "run.json").read_text())["options"]["engine"] == "wct-single-pass"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--engine", "wct"], "--adapt tunes the engines wct-slim and wct-single-pass, not wct;"),
        (["--quality", "best"], "--adapt tunes the engines wct-slim and wct-single-pass, not reshuffle"),
        (["--style-track", "a.jpg"], "leave out --style-track or --adapt"),
        (["--style", "photos/none.jpg"], "no style 'photos/none.jpg'"),
    ],
)
def test_run_with_adapt_refuses_what_it_cannot_tune(
    more: list[str], said: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(workplace.iterdir())
    assert main(["run", "clip.mp4", "--style", "a.jpg", "--adapt", "3m", *more]) == 1
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1
    assert set(workplace.iterdir()) == before


def test_run_with_adapt_takes_no_pipe(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-", "--style", "a.jpg", "-o", "out.mp4", "--adapt", "3m"]) == 1
    assert "give files, not pipes" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--style", "a.jpg"], ["-o", "new.safetensors"]])
def test_adapt_without_style_or_output_is_wrong_usage(
    arguments: list[str], workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["adapt", *arguments]) == 2
    assert "vidstyle adapt --help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "minutes"), [("3m", 3), ("90s", 1.5), ("1h", 60), ("1:30", 1.5), ("0.5m", 0.5)]
)
def test_times_have_units(text: str, minutes: float) -> None:
    assert minutes_of(text) == pytest.approx(minutes)


@pytest.mark.parametrize("text", ["3", "0m", "0:00", "-3m", "m", "a:b", "3 days", ""])
def test_a_time_without_unit_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a time above 0, like 3m or 90s"):
        minutes_of(text)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_writes_the_best_weights_so_far(workplace: Path) -> None:
    output, errors = interrupted("adapt --style a.jpg -o new.safetensors --minutes 9")
    assert "new.safetensors: " in output
    assert errors.splitlines()[-1] == "vidstyle: interrupted"
    assert "Traceback" not in errors
    build(Path("new.safetensors"))
    assert Path("new.jpg").is_file()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("more", ["--preview", "--json run.json"])
def test_ctrl_c_while_run_adapts_leaves_nothing(
    more: str, workplace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    before = set(workplace.rglob("*"))
    output, errors = interrupted(f"run clip.mp4 --style a.jpg --adapt 9m {more}")
    assert output == ""
    assert errors == "vidstyle: interrupted\n"
    assert set(workplace.rglob("*")) == before
    assert not list(temporary.glob("vidstyle*"))


def interrupted(command: str) -> tuple[str, str]:
    """What a process prints whose learning is interrupted; its code is checked."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SMALL, *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "learning\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=50)
    finally:
        process.kill()  # not left learning if something above fails
    assert process.returncode == 130, errors
    return output, errors


# the command with small steps, which says when it begins to learn
_SMALL = """
import sys
from vidstyle.adaptation import tuner
tuner._CROP, tuner._STYLE_SIDES, tuner._MEASURED_SIDE, tuner._STYLE_CROPS = 48, (64,), 64, 0
learn = tuner._Tuner._learn
def said(self, step, share):
    if step == 0:
        print("learning", flush=True)
    learn(self, step, share)
tuner._Tuner._learn = said
from vidstyle.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
