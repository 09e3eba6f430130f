"""Clips that come through pipes: read where they can be, refused in one line, never waited for for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import Sound, shapes, write_clip
from PIL import Image

from vidstyle.cli.main import main
from vidstyle.video.reading import pipes
from vidstyle.video.reading.reader import Reader

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")

RUN = (sys.executable, "-m", "vidstyle", "run")
FAST = ("--style", "art.png", "--temporal", "none", "--preset", "ultrafast", "--working-size", "16")
_PATIENCE = 60  # s until a process counts as hanging


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_pipes: None) -> Path:
    """A folder to be in, with a style; what has come through pipes is forgotten at the end."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("art.png", np.random.default_rng(4).integers(0, 255, (40, 40, 3), np.uint8))
    return tmp_path


def _fed(data: bytes, name: str = "pipe") -> str:
    """A named pipe that ``data`` comes through."""
    os.mkfifo(name)
    threading.Thread(target=Path(name).write_bytes, args=(data,), daemon=True).start()
    return name


@pytest.mark.parametrize("suffix", [".nut", ".mp4"])
def test_a_clip_through_a_pipe_keeps_its_sound(suffix: str) -> None:
    clip = write_clip(Path(f"clip{suffix}"), shapes(4, 64, 48), sounds=[Sound()])
    assert main(["run", _fed(clip.read_bytes()), *FAST, "-o", "out.mkv"]) == 0
    with av.open("out.mkv") as made:
        assert sum(1 for _ in made.decode(video=0)) == 4
        assert made.streams.audio


@pytest.mark.parametrize(
    ("suffix", "count", "expected"),
    [
        (".gif", 3, "is a picture or an animation, which cannot be read from a pipe"),
        (".png", 1, "is a picture or an animation, which cannot be read from a pipe"),
        (".png", 3, "cannot be read as a video"),
    ],
)
def test_pictures_and_animations_through_a_pipe_are_refused_for_what_they_are(
    suffix: str, count: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [Image.fromarray(picture) for picture in shapes(count, 64, 48)]
    pictures[0].save(f"clip{suffix}", save_all=count > 1, append_images=pictures[1:])
    assert main(["run", _fed(Path(f"clip{suffix}").read_bytes()), *FAST, "-o", "out.mkv"]) == 1
    message = capsys.readouterr().err
    assert f"what comes through pipe {expected}" in message
    assert "save it as a file first" in message


def test_uncompressed_pictures_through_a_pipe_are_read_from_any_time() -> None:
    with av.open("clip.y4m", "w", format="yuv4mpegpipe") as target:
        stream = target.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in shapes(4, 64, 48):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    assert main(["run", _fed(Path("clip.y4m").read_bytes()), *FAST, "-o", "out.mkv", "--start", "0.04"]) == 0
    with Reader("out.mkv") as reader:
        assert len(list(reader)) == 3


def test_raw_pictures_of_a_given_size_are_painted_from_a_pipe() -> None:
    pictures = shapes(4, 64, 48)
    pipe = _fed(np.stack(pictures).tobytes())
    words = ("--size", "64x48", "--rate", "10", "--strength", "0", "--detail", "0", "--codec", "ffv1")
    assert main(["run", pipe, *FAST, *words, "--start", "0.1", "-o", "out.mkv"]) == 0
    with Reader("out.mkv") as reader:
        frames = list(reader)
    assert [float(frame.time) for frame in frames] == [0, 0.1, 0.2]
    assert all(np.array_equal(a.pixels, b) for a, b in zip(frames, pictures[1:], strict=True))


def test_a_wrong_size_of_raw_pictures_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pictures.raw").write_bytes(np.stack(shapes(2, 64, 48)).tobytes())
    assert main(["run", "pictures.raw", *FAST, "--size", "64x40", "-o", "out.mkv"]) == 0
    assert "are no whole picture of 64x40: is that its size?" in capsys.readouterr().err
    assert main(["run", "pictures.raw", *FAST, "--size", "640x480", "-o", "more.mkv"]) == 1
    assert (
        "pictures.raw holds 18432 bytes, but a raw picture of 640x480 has 921600" in capsys.readouterr().err
    )
    assert main(["run", "pictures.raw", *FAST, "--size", "64", "-o", "more.mkv"]) == 2
    assert "--size must be a width and a height in px, like 640x360" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"no clip\n" * 20, b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_what_is_no_clip_is_one_line(
    data: bytes, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", _fed(data), *FAST, "-o", "out.mkv"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("vidstyle: ") and said.count("\n") == 1 and "pipe" in said
    assert {path.name for path in workplace.iterdir()} == {"art.png", "pipe"}


def test_a_pipe_that_nobody_writes_to_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipes, "_TIMEOUT", 0.2)
    os.mkfifo("pipe")
    assert main(["run", "pipe", *FAST, "-o", "out.mkv"]) == 1
    assert "nothing came through pipe in 0.2 s" in capsys.readouterr().err


@pytest.mark.parametrize("count", [0, 20])
def test_sigterm_ends_a_run_whose_pipe_has_fallen_silent(count: int, workplace: Path) -> None:
    data = write_clip(Path("clip.nut"), shapes(40, 64, 48), gop=1).read_bytes()
    os.mkfifo("pipe")
    with subprocess.Popen(
        [*RUN, "pipe", *FAST, "-o", "out.mkv"], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            with Path("pipe").open("wb", buffering=0) as pipe:
                pipe.write(data[: len(data) * count // 41])
                time.sleep(4.0 if count else 0.5)  # until it waits; that it has begun, the open pipe tells
                process.send_signal(signal.SIGTERM)
                _, errors = process.communicate(timeout=_PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 143
    assert errors.endswith("vidstyle: stopped by SIGTERM\n")
    assert not Path("out.mkv").exists()
    assert [path.name for path in workplace.iterdir() if path.name.startswith(".")] == []


def test_sigterm_ends_steady_whose_painted_clip_has_fallen_silent(workplace: Path) -> None:
    clip = write_clip(Path("clip.nut"), shapes(80, 64, 48), gop=1)
    data = clip.read_bytes()
    os.mkfifo("pipe")
    words = (sys.executable, "-m", "vidstyle", "steady", "clip.nut", "pipe", "-o", "out.mkv")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            with Path("pipe").open("wb", buffering=0) as pipe:
                pipe.write(data[: len(data) * 9 // 10])
                _wait_for(workplace, ".out", process)
                process.send_signal(signal.SIGTERM)
                _, errors = process.communicate(timeout=_PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 143
    assert errors.endswith("vidstyle: stopped by SIGTERM\n")
    assert {path.name for path in workplace.iterdir()} == {"art.png", "clip.nut", "pipe"}


def _wait_for(folder: Path, beginning: str, process: subprocess.Popen[str]) -> None:
    """Wait until there is a file whose name begins so."""
    deadline = time.monotonic() + _PATIENCE
    while not any(path.name.startswith(beginning) for path in folder.iterdir()):
        assert process.poll() is None, "the process ended before it could be stopped"
        assert time.monotonic() < deadline, "the process has not begun to write"
        time.sleep(0.02)
