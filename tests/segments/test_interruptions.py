"""Runs that are killed, or that meet a full disk, go on to the same film."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import plain_engine
import pytest
from films import write_film

import vidstyle
from vidstyle import OutputError
from vidstyle.cli.main import main

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and file systems of POSIX")

_OPTIONS: dict[str, Any] = {
    "style": "waves",
    "engine": "plain_engine:plain",
    "device": "cpu",
    "temporal": "none",
    "segments": 1,
}
_KILLS = 3

# forks a process that has torch loaded for each target that it reads, and tells its number and how it ended
_PAINTER = """
import os, sys
import vidstyle
from vidstyle.api import stylize_video

for target in map(str.strip, sys.stdin):
    child = os.fork()
    if child == 0:
        stylize_video("film.mp4", target, **OPTIONS)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def painter(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that paints ``film.mp4`` in the folder of the test into each target that is written to it."""
    write_film(tmp_path / "film.mp4")
    (tmp_path / "painter.py").write_text(_PAINTER.replace("OPTIONS", repr(_OPTIONS)), encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(plain_engine.__file__).parent), *filter(None, sys.path)]),
        "OPENBLAS_NUM_THREADS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "painter.py"],
        cwd=tmp_path,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process
        process.kill()


def paint(painter: subprocess.Popen[str], target: str, kill_after: float | None = None) -> int:
    """The exit code of a run; -9 if it was killed after so many seconds."""
    assert painter.stdin is not None and painter.stdout is not None
    painter.stdin.write(f"{target}\n")
    painter.stdin.flush()
    number = int(painter.stdout.readline())
    if kill_after is not None:
        time.sleep(kill_after)
        with suppress(ProcessLookupError):  # it has ended
            os.kill(number, signal.SIGKILL)
    return int(painter.stdout.readline())


@pytest.mark.slow(reason="kills runs at random moments, and goes on")
def test_runs_that_are_killed_go_on_to_the_same_bytes(painter: subprocess.Popen[str], tmp_path: Path) -> None:
    paint(painter, "first.mp4", kill_after=0.0)  # by now torch is loaded
    begun = time.monotonic()
    assert paint(painter, "unbroken.mp4") == 0
    length = time.monotonic() - begun
    moments = random.Random(7)
    for _ in range(_KILLS):  # the last ones may come when the film is whole
        if not (tmp_path / "film.out.mp4").exists():
            paint(painter, "film.out.mp4", kill_after=moments.uniform(0.0, 0.7 * length))
    if not (tmp_path / "film.out.mp4").exists():
        assert paint(painter, "film.out.mp4") == 0
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".film")] == []
    assert (tmp_path / "film.out.mp4").read_bytes() == (tmp_path / "unbroken.mp4").read_bytes()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root on Linux may mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_told_in_one_line_and_the_run_goes_on_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "film.mp4")
    options: dict[str, Any] = {**_OPTIONS, "codec": "ffv1"}
    target = small_disk / "painted.mkv"
    with pytest.raises(OutputError, match="the disk is full; what is done is kept") as told:
        vidstyle.stylize_video(film, target, **options)
    assert "\n" not in str(told.value)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert vidstyle.stylize_video(film, target, **options).reused > 0
    vidstyle.stylize_video(film, tmp_path / "whole.mkv", **options)
    assert target.read_bytes() == (tmp_path / "whole.mkv").read_bytes()


def test_status_says_how_far_films_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["status", "."]) == 0
    assert "no film is being painted" in capsys.readouterr().out
    film = write_film(tmp_path / "film.mp4")

    class Stop(Exception):
        pass

    def on_frame(progress: vidstyle.Progress) -> None:
        if progress.index == 50:
            raise Stop
        if progress.index == 40:
            main(["status", ".", "-v"])

    with pytest.raises(Stop):
        vidstyle.stylize_video(film, "painted.mp4", on_frame=on_frame, **{**_OPTIONS, "segments": 2.5})
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("painted.mp4: 2 of 4 segments, 00:04 of 00:08 (53%)")
    assert "being painted; in .painted.mp4.vidstyle" in first
    assert lines[1].startswith("  2: 2.000 to 4.000 s, done in ")
    assert lines[2] == "  3: 4.000 to 5.400 s, to be painted"
    assert main(["status", ".painted.mp4.vidstyle"]) == 0
    assert "stopped: the same command goes on" in capsys.readouterr().out
    vidstyle.stylize_video(film, "painted.mp4", keep_work=True, **{**_OPTIONS, "segments": 2.5})
    capsys.readouterr()
    assert main(["status", "."]) == 0
    assert "(100%)" in (line := capsys.readouterr().out) and ", whole; in .painted.mp4" in line
    assert main(["status", "missing"]) == 1
