"""Odd but whole files: interlaced, spliced, changing their size, repeating times, high dynamic range."""

from __future__ import annotations

import logging
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import Sound, interlaced, number_of, shapes, write_clip

from vidstyle.errors import InputError
from vidstyle.frames import ColorTags, Frame
from vidstyle.options import ReadOptions
from vidstyle.video.color.tags import SDR_TAGS
from vidstyle.video.reading.reader import Reader

TICK = Fraction(1, 25)


def read(path: Path) -> list[Frame]:
    with Reader(path) as reader:
        return list(reader)


def comb(pixels: Any) -> float:
    """How much neighbouring lines differ beyond those of one field: large for woven fields in motion."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(float)[16:]
    across, within = abs(np.diff(gray, axis=0))[:-1], abs(gray[2:] - gray[:-2])
    return float(across.mean() - within.mean() / 2)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"x264-params": "tff=1:interlaced=1"}),
        ("a.mpg", "mpeg2video", {"flags": "+ildct+ilme", "field_order": "tt", "q": "2"}),
    ],
)
def test_interlaced_pictures_are_made_whole_one_for_one(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    made = interlaced(10)
    path = write_clip(tmp_path / name, made, codec=codec, options=options)
    with av.open(path) as container:
        if not next(container.decode(video=0)).interlaced_frame:
            pytest.skip("this encoder does not mark its pictures as interlaced")

    with caplog.at_level(logging.WARNING, "vidstyle"):
        frames = read(path)

    assert [number_of(frame.pixels) for frame in frames] == list(range(0, 20, 2))
    assert [(frame.time, frame.duration) for frame in frames] == [(n * TICK, TICK) for n in range(10)]
    whole, woven, seen = comb(shapes(11, speed=3.0)[10]), comb(made[5]), comb(frames[5].pixels)
    assert seen < whole + 0.3 * (woven - whole)
    assert caplog.text.count("is interlaced") == 1


def test_progressive_pictures_pass_as_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = shapes(4)
    path = write_clip(tmp_path / "a.mkv", made, codec="ffv1", pixel_format="bgr0")
    with caplog.at_level(logging.WARNING, "vidstyle"):
        assert all((frame.pixels == wanted).all() for frame, wanted in zip(read(path), made, strict=True))
    assert caplog.text == ""


def test_colours_survive_the_weaving(tmp_path: Path) -> None:
    patch = np.full((64, 96, 3), (250, 10, 20), np.uint8)
    path = write_clip(
        tmp_path / "a.mp4", [patch] * 4, pixel_format="yuv444p", tags=ColorTags(1, 1, 1, True),
        options={"x264-params": "tff=1:interlaced=1", "crf": "1"},
    )  # fmt: skip
    with Reader(path) as reader:
        frames = list(reader)
    assert reader.info.color == ColorTags(1, 1, 1, True)
    assert abs(frames[2].pixels.astype(int) - patch).max() <= 4


def test_pictures_that_change_their_size_are_brought_to_the_first_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = write_clip(tmp_path / "1.h264", shapes(5))
    two = write_clip(tmp_path / "2.h264", shapes(5, 192, 128))
    spliced = tmp_path / "a.h264"
    spliced.write_bytes(one.read_bytes() + two.read_bytes())

    with caplog.at_level(logging.WARNING, "vidstyle"):
        frames = read(spliced)

    assert [frame.pixels.shape for frame in frames] == [(64, 96, 3)] * 10
    assert "changes its size to 192x128" in caplog.text
    assert caplog.text.count("changes its size") == 1
    smaller = cv2.resize(shapes(5, 192, 128)[4], (96, 64), interpolation=cv2.INTER_AREA)
    assert abs(frames[9].pixels.astype(int) - smaller).mean() < 4


@pytest.mark.parametrize(("width", "height", "box"), [(64, 96, (0, 26, 64, 43)), (192, 64, (16, 0, 32, 96))])
def test_pictures_that_change_their_shape_are_shown_whole_between_bars(
    tmp_path: Path, width: int, height: int, box: tuple[int, int, int, int]
) -> None:
    white = np.full((height, width, 3), 255, np.uint8)
    one = write_clip(tmp_path / "1.h264", shapes(3))
    spliced = tmp_path / "a.h264"
    spliced.write_bytes(one.read_bytes() + write_clip(tmp_path / "2.h264", [white] * 3).read_bytes())

    last = read(spliced)[-1].pixels

    top, left, high, wide = box
    inside = np.zeros((64, 96), bool)
    inside[top : top + high, left : left + wide] = True
    assert last.shape == (64, 96, 3)
    assert last[inside].min() > 240 and (last[~inside] == 0).all()


@pytest.mark.parametrize(("name", "codec", "unit"), [("a.ts", "libx264", 188), ("a.mpg", "mpeg2video", 2048)])
def test_what_comes_before_the_first_key_picture_is_left_out(
    tmp_path: Path, name: str, codec: str, unit: int
) -> None:
    path = write_clip(tmp_path / name, shapes(50), codec=codec, gop=10, sounds=[Sound(codec="mp2")])
    data = path.read_bytes()
    path.write_bytes(data[len(data) // unit // 3 * unit :])
    frames = read(path)
    numbers = [number_of(frame.pixels) for frame in frames]
    assert numbers[0] % 10 == 0 and numbers == list(range(numbers[0], 50))
    assert [frame.time for frame in frames] == [n * TICK for n in range(len(numbers))]


def test_two_recordings_one_after_the_other_play_on(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "1.ts", shapes(60), gop=10)
    spliced = tmp_path / "a.ts"
    spliced.write_bytes(one.read_bytes() * 2)

    frames = read(spliced)

    assert len(frames) >= 118
    assert [number_of(frame.pixels) for frame in frames][-10:] == list(range(50, 60))
    assert all(now.time + now.duration == then.time for now, then in pairwise(frames))
    assert abs(frames[-1].time - 119 * TICK) < Fraction(1, 5)


def test_sound_that_turns_up_on_the_way_disturbs_nothing(tmp_path: Path) -> None:
    silent = write_clip(tmp_path / "1.ts", shapes(60), gop=10)
    loud = write_clip(
        tmp_path / "2.ts", shapes(60), gop=10, sounds=[Sound(codec="mp2"), Sound("deu", codec="mp2")]
    )
    spliced = tmp_path / "a.ts"
    spliced.write_bytes(silent.read_bytes() + loud.read_bytes())
    for _ in range(5):
        assert [number_of(frame.pixels) for frame in read(spliced)][-10:] == list(range(50, 60))


def test_a_time_that_comes_twice_is_shown_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_clip(
        tmp_path / "a.mkv", shapes(6), codec="ffv1", ticks=[0, 40, 40, 80, 120, 160],
        time_base=Fraction(1, 1000), last_ticks=40,
    )  # fmt: skip
    with caplog.at_level(logging.WARNING, "vidstyle"):
        frames = read(path)
    assert [number_of(frame.pixels) for frame in frames] == [0, 1, 3, 4, 5]
    assert [frame.time for frame in frames] == [n * TICK for n in range(5)]
    assert "1 pictures with the time of another" in caplog.text


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_mapped_to_sdr_and_told(
    tmp_path: Path, transfer: int, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_clip(
        tmp_path / "a.mkv", shapes(3, deep=True), codec="ffv1", pixel_format="yuv420p10le",
        tags=ColorTags(9, 9, transfer),
    )  # fmt: skip
    with caplog.at_level(logging.WARNING, "vidstyle"), Reader(path) as reader:
        frames = list(reader)
    assert f"{path} is HDR ({name}); it is tone-mapped to SDR" in caplog.text
    assert reader.info.color == SDR_TAGS
    assert (reader.info.bits, frames[0].bits) == (10, 16)

    with pytest.raises(InputError, match=rf"is HDR \({name}\); --hdr tonemap"):
        Reader(path, ReadOptions(hdr="refuse"))


def test_wide_colours_in_sdr_keep_their_tags(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tags = ColorTags(9, 9, 14)
    path = write_clip(
        tmp_path / "a.mkv", shapes(2, deep=True), codec="ffv1", pixel_format="yuv444p10le", tags=tags
    )
    with caplog.at_level(logging.WARNING, "vidstyle"), Reader(path, ReadOptions(hdr="refuse")) as reader:
        frame = next(iter(reader))
    assert reader.info.color == tags and caplog.text == ""
    assert abs(frame.pixels.astype(int) - shapes(1, deep=True)[0]).max() < 300


def test_the_brightest_light_is_read_from_the_file(tmp_path: Path) -> None:
    # the same code values are darker in SDR where the file says that brighter ones may come
    made = [np.full((64, 96, 3), 42000, np.uint16)] * 2
    seen = {}
    for peak in (600, 4000):
        path = write_clip(
            tmp_path / f"{peak}.mkv", made, codec="libx265", pixel_format="yuv420p10le",
            tags=ColorTags(9, 9, 16), options={"x265-params": f"log-level=none:hdr10=1:max-cll={peak},400"},
        )  # fmt: skip
        seen[peak] = float(read(path)[0].pixels.mean())
    assert seen[600] > seen[4000] + 1000
