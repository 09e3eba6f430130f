"""Results that go through pipes: exact, with their sound, and never a hang when nobody reads."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import Sound, shapes, write_clip

from vidstyle.cli.main import main
from vidstyle.frames import Frame
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing import pipe_output

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")

FAST = ("--style", "art.png", "--temporal", "none", "--preset", "ultrafast", "--working-size", "16")
RUN = (sys.executable, "-m", "vidstyle", "run")
_PATIENCE = 60  # s until a process counts as hanging


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_pipes: None) -> Path:
    """A folder to be in, with a style, a clip whose frames are unevenly timed, and a named pipe."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("art.png", np.random.default_rng(4).integers(0, 255, (40, 40, 3), np.uint8))
    write_clip(Path("clip.mkv"), shapes(4, 64, 48), ticks=[0, 1, 4, 5], sounds=[Sound()])
    os.mkfifo("pipe")
    return tmp_path


class _Saved:
    """What comes through the named pipe, in a file; a context that waits for its end."""

    def __init__(self, name: str, most: int | None = None) -> None:
        self._thread = threading.Thread(target=self._save, args=(Path(name), most), daemon=True)

    def _save(self, target: Path, most: int | None) -> None:
        with Path("pipe").open("rb") as pipe:
            target.write_bytes(pipe.read() if most is None else pipe.read(most))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._thread.join(_PATIENCE)


def _frames(name: str) -> list[Frame]:
    with Reader(name) as reader:
        return list(reader)


def _sound(name: str) -> list[tuple[Fraction, bytes]]:
    """Packets of sound, each with its time after the first picture."""
    with av.open(name) as container:
        packets: list[Any] = [packet for packet in container.demux() if packet.size]
        first = min(p.pts * p.time_base for p in packets if p.stream.type == "video")
        return [(p.pts * p.time_base - first, bytes(p)) for p in packets if p.stream.type == "audio"]


def test_pictures_times_and_sound_come_through_a_pipe_exactly(capsys: pytest.CaptureFixture[str]) -> None:
    with _Saved("out.nut"):
        assert main(["run", "clip.mkv", *FAST, "-o", "pipe"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("pipe: 4 frames")
    assert main(["run", "clip.mkv", *FAST, "--codec", "ffv1", "-o", "out.mkv"]) == 0
    sent, written = _frames("out.nut"), _frames("out.mkv")
    assert [frame.time for frame in sent] == [Fraction(tick, 25) for tick in (0, 1, 4, 5)]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(sent, written, strict=True))
    assert [data for _, data in _sound("out.nut")] == [data for _, data in _sound("clip.mkv")]
    times = zip(_sound("out.nut"), _sound("clip.mkv"), strict=True)
    assert max(abs(a - b) for (a, _), (b, _) in times) <= Fraction(1, 1000)


def test_standard_output_is_the_result_and_nothing_else_and_can_be_painted_again() -> None:
    arguments = [*RUN, "clip.mkv", *FAST, "-o", "-"]
    first = subprocess.run(arguments, capture_output=True, check=True, timeout=_PATIENCE)
    assert first.stderr.startswith(b"standard output: 4 frames") and first.stderr.count(b"\n") == 1
    threading.Thread(target=Path("pipe").write_bytes, args=(first.stdout,), daemon=True).start()
    assert main(["run", "pipe", *FAST, "-o", "again.mkv"]) == 0
    assert [frame.time for frame in _frames("again.mkv")] == [Fraction(tick, 25) for tick in (0, 1, 4, 5)]
    assert _sound("again.mkv")


def test_h264_goes_through_a_pipe_with_its_colour_tags() -> None:
    with _Saved("out.nut"):
        assert main(["run", "clip.mkv", *FAST, "--codec", "h264", "-o", "pipe"]) == 0
    with Reader("out.nut") as sent, Reader("clip.mkv") as clip:
        assert sent.info.color == clip.info.color
        assert sent.info.codec == "h264"


def test_y4m_through_a_pipe_says_what_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    with _Saved("out.y4m"):
        assert main(["run", "clip.mkv", *FAST, "--strength", "0", "--format", "y4m", "-o", "pipe"]) == 0
    said = capsys.readouterr().err
    assert "holds no sound" in said and "uneven times are lost" in said
    sent = _frames("out.y4m")
    assert len(sent) == 4
    for one, other in zip(sent, _frames("clip.mkv"), strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 3


def test_raw_pictures_through_a_pipe_are_the_pixels_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with _Saved("out.raw"):
        assert main(["run", "clip.mkv", *FAST, "--format", "raw", "-o", "pipe"]) == 0
    assert "raw has one rate for all pictures" in capsys.readouterr().err
    assert main(["run", "clip.mkv", *FAST, "--codec", "ffv1", "-o", "out.mkv"]) == 0
    expected = b"".join(frame.pixels.tobytes() for frame in _frames("out.mkv"))
    assert Path("out.raw").read_bytes() == expected


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
@pytest.mark.parametrize(
    ("sent", "words", "received"),
    [
        ("-c copy -f nut", "", ""),
        ("-f yuv4mpegpipe", "--format y4m", ""),
        (
            "-f rawvideo -pix_fmt rgb24",
            "--size 64x48 --format raw",
            "-f rawvideo -pix_fmt rgb24 -s 64x48 -r 25",
        ),
    ],
    ids=["nut", "y4m", "raw"],
)
def test_ffmpeg_sends_and_receives(sent: str, words: str, received: str) -> None:
    write_clip(Path("even.mkv"), shapes(4, 64, 48), sounds=[Sound()])
    os.mkfifo("sent")
    sender = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-i",
        "even.mkv",
        *sent.split(),
        "-fps_mode",
        "passthrough",
        "sent",
    ]
    receiver = ["ffmpeg", "-v", "error", *received.split(), "-i", "pipe", "-c:v", "ffv1", "out.mkv"]
    with subprocess.Popen(sender), subprocess.Popen(receiver) as last:
        assert main(["run", "sent", *FAST, *words.split(), "-o", "pipe"]) == 0
        assert last.wait(_PATIENCE) == 0
    with av.open("out.mkv") as made:
        assert bool(made.streams.audio) == ("nut" in sent)
    assert [frame.time for frame in _frames("out.mkv")] == [Fraction(tick, 25) for tick in range(4)]


def test_steady_goes_through_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with _Saved("out.nut"):
        assert main(["steady", "clip.mkv", "clip.mkv", "-o", "pipe"]) == 0
    assert capsys.readouterr().out == ""
    assert len(_frames("out.nut")) == 4


def test_a_reader_that_goes_away_ends_the_run_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with _Saved("out.nut", most=100):
        assert main(["run", "clip.mkv", *FAST, "-o", "pipe"]) == 1
    assert (
        capsys.readouterr().err == "vidstyle: the reader of pipe has gone; it did not get the whole result\n"
    )


def test_a_pipe_that_nobody_reads_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipe_output, "_TIMEOUT", 0.2)
    assert main(["run", "clip.mkv", *FAST, "-o", "pipe"]) == 1
    assert capsys.readouterr().err == "vidstyle: nobody read from pipe in 0.2 s; start its reader\n"


def test_sigterm_ends_a_run_whose_reader_sleeps(workplace: Path) -> None:
    noise = list(np.random.default_rng(1).integers(0, 255, (12, 96, 128, 3), np.uint8))
    write_clip(Path("noise.mkv"), noise)
    arguments = [*RUN, "noise.mkv", *FAST, "--strength", "0", "--format", "y4m", "-o", "-"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            assert select.select([process.stdout], [], [], _PATIENCE)[0]
            time.sleep(1.0)  # until the pipe is full
            process.send_signal(signal.SIGTERM)
            assert process.wait(_PATIENCE) == 143
            assert process.stderr.read().endswith(b"vidstyle: stopped by SIGTERM\n")
        finally:
            process.kill()


def test_standard_output_that_is_a_terminal_is_refused() -> None:
    leader, follower = os.openpty()
    arguments = [*RUN, "clip.mkv", *FAST, "-o", "-"]
    done = subprocess.run(arguments, stdout=follower, stderr=subprocess.PIPE, check=False, timeout=_PATIENCE)
    os.close(leader)
    os.close(follower)
    assert done.returncode == 1
    assert (
        done.stderr.startswith(b"vidstyle: standard output is a terminal") and done.stderr.count(b"\n") == 1
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("clip.mkv", "clip2.mkv", "-o", "-"), 1, "standard output takes one result, not those of 2 inputs"),
        (("clip.mkv", "-o", "pipe", "--codec", "gif"), 1, "gif cannot be sent through a pipe"),
        (("clip.mkv", "-o", "pipe", "--codec", "prores"), 1, "leave --codec out"),
        (("clip.mkv", "-o", "pipe", "--codec", "h264", "--format", "y4m"), 1, "leave --codec out"),
        (("clip.mkv", "-o", "pipe", "--codec", "h264", "--format", "raw"), 1, "raw pictures are not encoded"),
        (("clip.mkv", "-o", "out.mkv", "--format", "nut"), 1, "the extension of out.mkv says what it is"),
        (("clip.mkv", "-o", "pipe", "--preview"), 2, "leave out --preview or --output"),
        (("pipe", "-o", "pipe"), 1, "pipe is the input itself"),
    ],
)
def test_what_cannot_go_through_a_pipe_is_refused(
    arguments: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(Path("clip2.mkv"), shapes(2, 64, 48))
    assert main(["run", *arguments, *FAST]) == code
    said = capsys.readouterr()
    assert message in said.err and said.out == ""
