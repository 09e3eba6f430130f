"""Writing video: every frame, at its exact time, in each codec."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import number_of, shapes
from results import (
    FAST,
    KINDS,
    frames,
    info,
    read,
    times_of,
    write,
)

from vidstyle.errors import OptionError, OutputError
from vidstyle.options import WriteOptions
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer


@pytest.mark.parametrize("codec", KINDS)
def test_each_codec_keeps_every_frame_in_order_and_colour(tmp_path: Path, codec: str) -> None:
    pictures = shapes(9)
    options = WriteOptions(
        codec=codec, preset="ultrafast", crf=8 if codec not in ("prores", "ffv1") else None
    )
    path = write(tmp_path / f"a{KINDS[codec]}", frames(pictures), options=options)
    back = read(path)
    assert [number_of(pixels) for pixels, _ in back] == list(range(9))
    error = np.mean(
        [
            np.abs(pixels.astype(float) * (255 / np.iinfo(pixels.dtype).max) - picture).mean()
            for (pixels, _), picture in zip(back, pictures, strict=True)
        ]
    )
    assert error < 3.0


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="of Linux only")
def test_writing_av1_leaves_the_thread_its_scheduling_policy(tmp_path: Path) -> None:
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        write(tmp_path / "a.mkv", frames(shapes(3)), options=WriteOptions(codec="av1", preset="ultrafast"))
        assert os.sched_getscheduler(0) == before
    finally:
        os.sched_setscheduler(0, before, parameters)


def test_ffv1_is_lossless(tmp_path: Path) -> None:
    pictures = shapes(4)
    back = read(write(tmp_path / "a.mkv", frames(pictures), options=WriteOptions(codec="ffv1")))
    assert all(np.array_equal(pixels, picture) for (pixels, _), picture in zip(back, pictures, strict=True))


@pytest.mark.parametrize(
    "tick", [Fraction(1, 24000), Fraction(1001, 24000), Fraction(1001, 30000), Fraction(1, 90000)]
)
def test_rates_of_television_are_exact(tmp_path: Path, tick: Fraction) -> None:
    step = Fraction(1001, 30000) if tick == Fraction(1001, 30000) else Fraction(1001, 24000)
    if tick == Fraction(1, 90000):  # cannot hold 23.976: a finer one must be taken
        assert (step / tick).denominator != 1
    times = [index * step for index in range(50)]
    items = frames(shapes(50, 32, 32), times, 50 * step)
    path = write(tmp_path / "a.mp4", items, info(32, 32, rate=1 / step, time_base=tick))
    assert times_of(path) == [(item.time, item.duration) for item in items]
    with av.open(path) as container:
        assert container.streams.video[0].average_rate == 1 / step


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_uneven_times_are_exact(tmp_path: Path, codec: str) -> None:
    ticks = [0, 40, 80, 140, 200, 210, 300, 310, 320, 480, 500, 1000]
    items = frames(shapes(12), [Fraction(tick, 1000) for tick in ticks], Fraction(14, 10))
    path = write(
        tmp_path / f"a{KINDS[codec]}",
        items,
        info(rate=Fraction(12), time_base=Fraction(1, 1000)),
        replace(FAST, codec=codec, preset="veryfast"),
    )
    back = times_of(path)
    assert [time for time, _ in back] == [item.time for item in items]
    assert back[-1][1] == items[-1].duration


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_header_of_uneven_clip_with_b_pictures_tells_its_whole_length(tmp_path: Path, codec: str) -> None:
    ticks = [0, 40, 80, 140, 200, 210, 300, 310, 320, 480, 500, 1000]
    items = frames(shapes(12), [Fraction(tick, 1000) for tick in ticks], Fraction(24, 10))
    path = write(
        tmp_path / "a.mp4",
        items,
        info(time_base=Fraction(1, 1000)),
        replace(FAST, codec=codec, preset="medium"),
    )
    with av.open(path) as container:
        stream: Any = container.streams.video[0]
        assert stream.codec_context.has_b_frames  # else there is nothing to see here
        assert stream.duration * stream.time_base == Fraction(24, 10)
        assert container.duration == 2_400_000
    assert times_of(path)[-1] == (Fraction(1), Fraction(14, 10))


def test_result_starts_at_zero(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", frames(shapes(5)), replace(info(), start=Fraction(37, 10)))
    assert times_of(path)[0][0] == 0


def test_times_closer_than_a_tick_stay_in_order(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 25), Fraction(1, 25) + Fraction(1, 10**6), Fraction(3, 25)]
    path = write(tmp_path / "a.mp4", frames(shapes(4), times))
    back = [time for time, _ in times_of(path)]
    assert len(back) == 4
    assert back == sorted(set(back))


def test_time_that_does_not_rise_is_an_error(tmp_path: Path) -> None:
    items = frames(shapes(3))
    with pytest.raises(OptionError, match="rise"):
        write(tmp_path / "a.mp4", [items[0], items[2], items[1]])
    assert not list(tmp_path.iterdir())


def test_hevc_in_mp4_is_tagged_for_apples_players(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", frames(shapes(3)), options=replace(FAST, codec="hevc"))
    with av.open(path) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_mp4_has_its_index_first(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mp4", frames(shapes(3))).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.gif", "a.apng"])
def test_same_frames_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    options = WriteOptions(preset="veryfast")
    items = frames(shapes(30))
    assert (
        write(first / name, items, options=options).read_bytes()
        == write(second / name, items, options=options).read_bytes()
    )


def test_quality_changes_the_size_of_the_file(tmp_path: Path) -> None:
    items = frames(shapes(6))
    fine = write(tmp_path / "a.mp4", items, options=replace(FAST, crf=5)).stat().st_size
    coarse = write(tmp_path / "b.mp4", items, options=replace(FAST, crf=45)).stat().st_size
    assert fine > 1.5 * coarse


def test_x264_does_not_cut_pictures_into_slices(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mp4", frames(shapes(2))).read_bytes()
    assert b"sliced_threads=0" in data  # what PyAV asks for if it is not told otherwise is 1


def test_bit_rate_is_kept_to(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 255, (64, 96, 3), dtype=np.uint8) for _ in range(75)]
    options = WriteOptions(preset="veryfast", bitrate="400k")
    size = write(tmp_path / "a.mp4", frames(pictures), options=options).stat().st_size
    assert 0.5 < size * 8 / 3 / 400_000 < 1.5


def test_encoders_say_nothing_on_their_own(tmp_path: Path) -> None:
    script = """
import sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer
for codec, name in (item.split("=") for item in sys.argv[2:]):
    target = Path(sys.argv[1]) / (codec + name)
    with Writer(check_target(target, WriteOptions(codec=codec)), like=VideoInfo(Path("x"), 96, 64)) as writer:
        for number in range(3):
            writer.write(Frame(np.full((64, 96, 3), 50 * number, np.uint8), Fraction(number, 25)))
"""
    kinds = [f"{codec}={name}" for codec, name in (KINDS | {"gif": ".gif", "apng": ".apng"}).items()]
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *kinds], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == result.stderr == ""


def test_tags_can_be_given(tmp_path: Path) -> None:
    with Writer(check_target(tmp_path / "a.mp4", FAST), like=info(), tags={"title": "Waves"}) as writer:
        writer.write(frames(shapes(1))[0])
    with av.open(tmp_path / "a.mp4") as container:
        assert container.metadata["title"] == "Waves"


def test_one_frame_is_a_clip(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", frames(shapes(1), end=2))
    assert times_of(path) == [(Fraction(0), Fraction(2))]


def test_encoder_that_does_not_open_for_a_size_says_so(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="libsvtav1 does not open for 2x2"):
        write(
            tmp_path / "a.mp4",
            frames([np.zeros((2, 2, 3), np.uint8)] * 2),
            options=replace(FAST, codec="av1"),
        )
    assert not list(tmp_path.iterdir())


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="no picture came"),
        Writer(check_target(tmp_path / "a.mp4", WriteOptions()), like=info()),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.gif", "pictures"])
def test_a_target_that_another_run_is_writing_is_refused_and_that_run_ends_well(
    tmp_path: Path, name: str
) -> None:
    target, pictures = tmp_path / name, frames(shapes(4))
    codec = "png" if name == "pictures" else None
    plan = check_target(target, WriteOptions(preset="ultrafast", codec=codec))
    first = Writer(plan, like=info())
    first.write(pictures[0])
    with (
        pytest.raises(OutputError, match=f"another run is writing .*{name}; wait for it, or give another"),
        Writer(plan, like=info()) as second,
    ):
        second.write(pictures[0])
    for picture in pictures[1:]:
        first.write(picture)
    first.finish()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(list(target.iterdir()) if target.is_dir() else read(target)) == 4
    again = Writer(check_target(target, WriteOptions(overwrite=True, codec=codec)), like=info())
    again.write(pictures[0])
    again.abort()
    assert [path.name for path in tmp_path.iterdir()] == [name]
