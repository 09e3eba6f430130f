"""Every program in examples/ does what it says."""

from __future__ import annotations

import os
import runpy
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from clips import Sound, shapes, write_clip

from vidstyle.video.reading.reader import Reader

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def test_every_example_is_run_by_a_test() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    names = {path.name for path in EXAMPLES.iterdir() if path.is_file() and path.suffix != ".ipynb"}
    assert [name for name in names if f'"{name}"' not in tests] == []


def test_the_camera_example_paints_what_opencv_reads(
    plain_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tmp_path / "result.mp4"
    monkeypatch.setattr(sys, "argv", ["camera.py", str(plain_clip), str(result), "--frames", "3"])
    runpy.run_path(str(EXAMPLES / "camera.py"), run_name="__main__")
    with Reader(result) as reader:
        assert (reader.info.width, reader.info.height, len(list(reader))) == (96, 64, 3)


@pytest.mark.skipif(os.name == "nt" or shutil.which("ffmpeg") is None, reason="needs a shell and ffmpeg")
def test_the_pipe_example_paints_between_two_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "bin" / "vidstyle"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vidstyle "$@" --working-size 32\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    clip = write_clip(tmp_path / "clip.mp4", shapes(3, 64, 48), sounds=[Sound()])
    words = ["sh", str(EXAMPLES / "pipe.sh"), str(clip), str(tmp_path / "painted.mp4")]
    subprocess.run(words, check=True, timeout=60)
    with Reader(tmp_path / "painted.mp4") as reader:
        assert (reader.info.width, reader.info.height, len(list(reader))) == (64, 48, 3)


def test_the_vapoursynth_example_has_painted_frames() -> None:
    vs = pytest.importorskip("vapoursynth")
    runpy.run_path(str(EXAMPLES / "painted.vpy"))
    with vs.get_output(0).clip.get_frame(2) as frame:
        assert (frame.width, frame.height, frame.format.name) == (320, 180, "YUV420P8")
