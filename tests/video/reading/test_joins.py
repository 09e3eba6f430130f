"""Recordings joined in one file, each with a clock of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clips import Sound, number_of, shapes, write_clip
from results import rewrite

from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.video.reading.reader import Reader

TICK = Fraction(1, 25)
HOURS = 2 * 3600  # s
CODECS = {".ts": "libx264", ".mpg": "mpeg2video", ".flv": "libx264"}


def recording(path: Path, numbers: range, *, begins: int = 0, sound: bool = True) -> bytes:
    """Bytes of a file whose clock shows ``begins`` (s) at its first picture."""
    kinds = {".flv": "aac"}
    pictures = shapes(numbers.stop)[numbers.start :]
    write_clip(
        path,
        pictures,
        codec=CODECS[path.suffix],
        gop=10,
        b_frames=0 if path.suffix == ".flv" else 2,
        time_base=TICK,
        ticks=[begins * 25 + n for n in range(len(pictures))],
        sounds=[Sound(codec=kinds.get(path.suffix, "mp2"), start=float(begins))] if sound else [],
    )
    data = path.read_bytes()
    path.unlink()
    return data


def joined(path: Path, parts: Sequence[tuple[range, int]], *, sound: bool = True) -> Path:
    """One file of ``parts``: numbers of pictures, and what the clock shows at the first of them."""
    pieces = [recording(path, numbers, begins=begins, sound=sound) for numbers, begins in parts]
    if path.suffix == ".flv":  # one header for all
        pieces[1:] = [piece[13:] for piece in pieces[1:]]
    path.write_bytes(b"".join(pieces))
    return path


@pytest.mark.parametrize("sound", [True, False], ids=["sound", "silent"])
@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (HOURS, 0), (0, HOURS), (0, 30)], ids=["anew", "back", "far", "on"]
)
@pytest.mark.parametrize("kind", [".ts", ".mpg", ".flv"])
def test_two_clocks_make_one_and_are_told_once(
    tmp_path: Path, kind: str, first: int, second: int, sound: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = joined(tmp_path / f"a{kind}", [(range(20), first), (range(20, 40), second)], sound=sound)
    with caplog.at_level(logging.WARNING, "vidstyle"), Reader(path) as reader:
        frames = list(reader)
    assert [number_of(frame.pixels) for frame in frames] == list(range(40))
    assert [(frame.time, frame.duration) for frame in frames] == [(n * TICK, TICK) for n in range(40)]
    assert caplog.text.count("its clock jumps") == 1
    assert caplog.text.count("WARNING") == 1


@pytest.mark.parametrize("kind", [".ts", ".mpg", ".flv"])
def test_the_time_between_two_clocks_is_not_announced(tmp_path: Path, kind: str) -> None:
    path = joined(tmp_path / f"a{kind}", [(range(20), 0), (range(20, 40), HOURS)])
    with Reader(path) as reader:
        assert reader.info.frames is None or reader.info.frames <= 60
        assert reader.info.duration is None or reader.info.duration <= 3


def test_the_time_between_two_clocks_is_not_announced_for_pictures_of_many_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 240, 320, 3), dtype=np.uint8)  # 25 kB each
    data = write_clip(tmp_path / "a.ts", list(noise), options={"crf": "20"}).read_bytes()
    late = [250_000 + number for number in range(12)]  # 10 000 s on
    data += write_clip(tmp_path / "a.ts", list(noise), options={"crf": "20"}, ticks=late).read_bytes()
    (tmp_path / "a.ts").write_bytes(data)
    assert len(data) > 25 * 10_000
    with Reader(tmp_path / "a.ts") as reader:
        assert reader.info.frames is None or reader.info.frames <= 60


@pytest.mark.parametrize("target", ["b.mp4", "b.mkv", "b.webm"])
@pytest.mark.parametrize(("first", "second"), [(0, 0), (HOURS, 0), (0, HOURS)], ids=["anew", "back", "far"])
@pytest.mark.parametrize("kind", [".ts", ".mpg"])
def test_sound_goes_on_after_the_join(
    tmp_path: Path, kind: str, first: int, second: int, target: str
) -> None:
    path = joined(tmp_path / f"a{kind}", [(range(50), first), (range(50), second)])
    result = rewrite(path, tmp_path / target, WriteOptions(preset="ultrafast", crf=30))
    with av.open(result) as file:
        spans = [
            (packet.pts * Fraction(packet.time_base), (packet.duration or 0) * Fraction(packet.time_base))
            for packet in file.demux(audio=0)
            if packet.pts is not None
        ]
    assert all(then - now <= TICK for (now, _), (then, _) in pairwise(spans))
    first_time, last_time = spans[0][0], sum(spans[-1])
    assert last_time - first_time == pytest.approx(4.0, abs=0.12)


@pytest.mark.parametrize("kind", [".ts", ".mpg"])
@pytest.mark.parametrize("start", [10, 33])
def test_a_part_of_joined_recordings_counts_from_the_first(tmp_path: Path, kind: str, start: int) -> None:
    path = joined(tmp_path / f"a{kind}", [(range(20), HOURS), (range(20, 40), 0)], sound=False)
    with Reader(path, ReadOptions(start=start * TICK)) as reader:
        assert [number_of(frame.pixels) for frame in reader] == list(range(start, 40))


def test_a_clock_that_jumps_many_times_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = [(range(n * 10, n * 10 + 10), begins) for n, begins in enumerate((0, HOURS, 50, HOURS, 0))]
    path = joined(tmp_path / "a.ts", parts)
    with caplog.at_level(logging.WARNING, "vidstyle"), Reader(path) as reader:
        frames = list(reader)
    assert [number_of(frame.pixels) for frame in frames] == list(range(50))
    assert [frame.time for frame in frames] == [n * TICK for n in range(50)]
    assert caplog.text.count("its clock jumps") == 1


@pytest.mark.parametrize("sound", [True, False], ids=["sound", "silent"])
@pytest.mark.parametrize("kind", [".ts", ".flv"])
def test_a_clock_that_goes_back_by_a_little_loses_no_picture(tmp_path: Path, kind: str, sound: bool) -> None:
    parts = [(range(4 * n, 4 * n + 4), 10) for n in range(5)]  # each begins anew after 0.16 s
    path = joined(tmp_path / f"a{kind}", parts, sound=sound)
    with Reader(path) as reader:
        frames = list(reader)
    assert [number_of(frame.pixels) for frame in frames] == list(range(20))
    assert [frame.time for frame in frames] == [n * TICK for n in range(20)]


@pytest.mark.parametrize("target", ["b.mp4", "b.mkv", "b.webm"])
def test_sound_stays_beside_pictures_whose_clock_goes_back_by_a_little(
    tmp_path: Path, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    parts = [(range(4 * n, 4 * n + 4), 10) for n in range(5)]
    path = joined(tmp_path / "a.ts", parts)
    with caplog.at_level(logging.WARNING, "vidstyle"):
        result = rewrite(path, tmp_path / target, WriteOptions(preset="ultrafast", crf=30))
    assert "broken packets" not in caplog.text
    with av.open(result) as file:
        times = [
            packet.pts * Fraction(packet.time_base)
            for packet in file.demux(audio=0)
            if packet.pts is not None and packet.size
        ]
    assert times == sorted(set(times))
    assert max(then - now for now, then in pairwise(times)) <= 2 * TICK
    assert times[-1] - times[0] == pytest.approx(20 / 25, abs=0.1)
