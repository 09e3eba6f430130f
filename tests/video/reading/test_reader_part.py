"""Reading a part: near the start by seeking, from the exact picture on, to the exact end."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from clips import Sound, interlaced, number_of, shapes, write_clip

from vidstyle.options import ReadOptions
from vidstyle.video.reading.reader import Reader

FILES = [
    ("a.mp4", "libx264", "yuv420p"),
    ("a.mkv", "libx264", "yuv420p"),
    ("a.ts", "libx264", "yuv420p"),
    ("a.flv", "libx264", "yuv420p"),
    ("a.h264", "libx264", "yuv420p"),
    ("a.hevc", "libx265", "yuv420p"),
    ("a.m2v", "mpeg2video", "yuv420p"),
    ("a.mp4", "libx265", "yuv420p"),
    ("a.webm", "libvpx-vp9", "yuv420p"),
    ("a.mpg", "mpeg2video", "yuv420p"),
    ("a.avi", "mpeg4", "yuv420p"),
    ("a.mov", "prores_ks", "yuv422p10le"),
    ("a.mkv", "ffv1", "yuv420p"),
]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), FILES)
def test_a_part_holds_the_same_frames_as_the_whole(
    tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    b_frames = 2 if codec in ("libx264", "libx265", "mpeg2video") else 0
    path = write_clip(
        tmp_path / name, shapes(50), codec=codec, pixel_format=pixel_format, gop=10, b_frames=b_frames
    )
    with Reader(path) as reader:
        whole, base = list(reader), reader.info.start
    for text, limit in (("0", "0.4"), ("0.4", "0.6"), ("0.61", "1.21"), ("1.2", "9"), ("1.96", "9")):
        start, end = Fraction(text), Fraction(limit)
        wanted = [frame for frame in whole if start <= frame.time < end]

        with Reader(path, ReadOptions(start=start, end=end)) as reader:
            part = list(reader)

        assert [number_of(frame.pixels) for frame in part] == [number_of(frame.pixels) for frame in wanted]
        assert all((a.pixels == b.pixels).all() for a, b in zip(part, wanted, strict=True))
        assert [frame.time for frame in part] == [frame.time - wanted[0].time for frame in wanted]
        assert reader.info.start == base + wanted[0].time


def test_a_number_of_frames_ends_the_part(plain_clip: Path) -> None:
    with Reader(plain_clip, ReadOptions(start=Fraction(1, 5), frames=3)) as reader:
        frames = list(reader)
    assert [number_of(frame.pixels) for frame in frames] == [5, 6, 7]
    assert frames[-1].duration == Fraction(1, 25)
    assert (reader.info.frames, reader.info.duration) == (3, Fraction(3, 25))


def test_the_last_picture_ends_with_the_part(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mp4", shapes(4), ticks=[0, 10, 20, 30], time_base=Fraction(1, 10), last_ticks=50
    )
    with Reader(path, ReadOptions(start=Fraction(2), end=Fraction("4.5"))) as reader:
        frames = list(reader)
    assert [(frame.time, frame.duration) for frame in frames] == [
        (Fraction(0), Fraction(1)),
        (Fraction(1), Fraction(3, 2)),
    ]
    assert (reader.info.start, reader.info.duration) == (Fraction(2), Fraction(5, 2))


def test_the_start_of_a_file_whose_clock_starts_late_counts_from_its_first_sound_or_picture(
    tmp_path: Path,
) -> None:
    ticks = [500 + 4 * n for n in range(20)]
    path = write_clip(
        tmp_path / "a.ts", shapes(20), ticks=ticks, time_base=Fraction(1, 100), gop=5,
        sounds=[Sound(codec="mp2", start=5.0)],
    )  # fmt: skip
    with Reader(path) as reader:
        assert reader.info.start > Fraction("4.9")
        numbers = [number_of(frame.pixels) for frame in reader]
    with Reader(path, ReadOptions(start=Fraction("0.4"))) as reader:
        part = [number_of(frame.pixels) for frame in reader]
    assert numbers == list(range(20))
    assert 9 <= part[0] <= 11 and part == list(range(part[0], 20))


def test_a_part_of_an_interlaced_clip_is_woven_like_the_whole(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mp4", interlaced(20), options={"x264-params": "tff=1:interlaced=1"}, gop=5
    )
    with Reader(path) as reader:
        whole = list(reader)
    with Reader(path, ReadOptions(start=Fraction(2, 5), frames=4)) as reader:
        part = list(reader)
    for seen, wanted in zip(part, whole[10:14], strict=True):
        assert seen.time == wanted.time - whole[10].time
        assert (seen.pixels == wanted.pixels).all()


def test_the_estimates_are_those_of_the_part(plain_clip: Path) -> None:
    with Reader(plain_clip, ReadOptions(start=Fraction(1, 5), end=Fraction(2, 5))) as reader:
        assert (reader.info.frames, reader.info.duration) == (5, Fraction(1, 5))
    with Reader(plain_clip, ReadOptions(end=Fraction(1000))) as reader:
        assert (reader.info.frames, reader.info.duration) == (12, Fraction(12, 25))
