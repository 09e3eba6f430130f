"""Every command and every piece of Python in the README and in docs/ does what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import Sound, shapes, write_clip
from people import chose, rated, write_answers
from solids import write_ply
from tiny_models import save_unet

from vidstyle.cli.main import COMMANDS, main
from vidstyle.video.reading.reader import Reader

ROOT = Path(__file__).resolve().parent.parent
_WRITES = ("-o", "--json", "--save-project", "--csv", "--report", "--heatmap")
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "tutorial").glob("*.md")),
    *sorted((ROOT / "integrations").glob("*/*.md")),
]


def _blocks(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for block in re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M):
            yield page, block


def _commands(program: str) -> list[str]:
    """The commands of all pages that begin with ``program``, each once: many pages give the same."""
    lines = [line for _, block in _blocks("sh") for line in block.splitlines()]
    return [line for line in dict.fromkeys(lines) if line.split(" ")[0] == program]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of the names that the pages use; what is written stays in it."""
    monkeypatch.chdir(tmp_path)
    pictures = shapes(10, 96, 64)
    write_clip(Path("clip.mp4"), pictures, sounds=[Sound()])
    write_clip(Path("painted-elsewhere.mp4"), [255 - picture for picture in pictures])
    Path("clips").mkdir()
    write_clip(Path("clips/first.mp4"), pictures[:3])
    write_clip(Path("clips/second.mov"), pictures[3:5])
    Path("frames").mkdir()
    for number, picture in enumerate(pictures[:3]):
        cv2.imwrite(f"frames/{number:04}.png", picture)
    for name, picture in (("first.png", pictures[0]), ("later.png", pictures[5])):
        cv2.imwrite(name, 255 - picture)
    for name in ("painting.jpg", "photo.jpg"):
        cv2.imwrite(name, np.random.default_rng(3).integers(0, 255, (64, 80, 3), np.uint8))
    Path("set.json").write_text(next(block for _, block in _blocks("json")), encoding="utf-8")
    cv2.imwrite("mask.png", np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1)))
    Path("track.txt").write_text(next(block for _, block in _blocks("text")), encoding="utf-8")
    write_clip(Path("painted.mp4"), pictures[:4])
    Path("answers").mkdir()
    for person, grade in (("anne", 4), ("bert", 5)):
        ratings = [rated("clip", condition, overall=grade) for condition in ("reference", "ours", "theirs")]
        write_answers(Path("answers"), person, [*ratings, chose("clip", "ours", "theirs")])
    write_ply(Path("scan.ply"), 400)
    return tmp_path


@pytest.mark.parametrize("line", _commands("vidstyle"))
def test_commands_of_the_pages_work(line: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = shlex.split(line, comments=True)[1:]
    if "my-model" in line:
        save_unet(Path("my-model"))
    before = set(workplace.rglob("*"))
    assert main(arguments) == 0, capsys.readouterr().err
    made = {path for path in set(workplace.rglob("*")) - before if path.is_file()}
    targets = [arguments[place + 1] for place, word in enumerate(arguments) if word in _WRITES]
    assert all(Path(target).exists() for target in targets)
    assert all(path.stat().st_size > 0 for path in made)
    makes_files = ("run", "image", "sheet", "steady", "propagate", "propagate-mask", "points")
    if arguments[0] in makes_files or arguments[:2] == ["study", "make"]:
        assert made
    else:
        assert len(made) == len(targets)
        assert capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt" or shutil.which("ffmpeg") is None, reason="needs a shell and ffmpeg")
@pytest.mark.parametrize("line", _commands("ffmpeg"))
def test_pipes_of_the_pages_work(line: str, workplace: Path) -> None:
    paint = shlex.join([sys.executable, "-m", "vidstyle"])
    done = subprocess.run(line.replace("| vidstyle", f"| {paint}"), shell=True, timeout=60)
    assert done.returncode == 0
    with Reader(line.split()[-1]) as reader:
        assert len(list(reader)) == 10


@pytest.mark.parametrize("code", [block for _, block in _blocks("python")])
def test_python_of_the_pages_works(code: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "page", "exec", dont_inherit=True), {"__name__": "__main__"})
    if "print" in code:
        assert capsys.readouterr().out


@pytest.mark.slow(reason="starts each script in a process of its own, as a reader would")
def test_scripts_of_the_pages_exist_and_have_help() -> None:
    scripts = {shlex.split(line)[1] for line in _commands("python3") if not line.startswith("python3 -m")}
    assert {"scripts/demo.py", "scripts/install.py", "scripts/test.py"} <= scripts
    for script in scripts:
        done = subprocess.run([sys.executable, str(ROOT / script), "--help"], capture_output=True, text=True)
        assert done.returncode == 0
        assert done.stdout.startswith("usage")


def test_the_sample_report_credits_the_clip_that_it_shows() -> None:
    foot = (ROOT / "docs" / "sample-report.html").read_text(encoding="utf-8")[-600:]
    assert "Big Buck Bunny" in foot and "Blender Foundation" in foot and "CC BY 3.0" in foot
    assert "docs/sample-report.html" in (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_the_readme_shows_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [command for command in COMMANDS if not re.search(rf"vidstyle {command}\b", text)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_the_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not re.match(r"https?:", link) and not (page.parent / link).exists()]
    assert missing == []
