"""Frames and pictures for the page: what is kept, at which size they are shown, and at which time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from clips import number_of, shapes, write_clip

from vidstyle.errors import OptionError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.server.stills import Recent, frame_at, moment_of, reduced, shown_size, time_of


def test_what_is_put_again_counts_as_recent() -> None:
    recent: Recent[int] = Recent(2)
    for key in ("a", "b", "a", "c"):
        recent.put(key, 1)
    assert [recent.get(key) for key in ("a", "b", "c")] == [1, None, 1]


def test_anamorphic_frames_are_shown_with_square_pixels() -> None:
    info = VideoInfo(Path("dv.mov"), 720, 576, pixel_aspect=Fraction(64, 45))
    assert shown_size(info, 2000) == (1024, 576)
    assert shown_size(info, 512) == (512, 288)


@pytest.mark.parametrize(("time", "number"), [(0, 0), (Fraction(1, 10), 3), (Fraction(11, 25), 11), (99, 11)])
def test_the_frame_of_a_time_is_the_first_that_begins_then_or_the_last(
    plain_clip: Path, time: Fraction, number: int
) -> None:
    assert number_of(frame_at(plain_clip, Fraction(time)).pixels) == number


@pytest.mark.parametrize(("rate", "suffix"), [(Fraction(30000, 1001), "mp4"), (60, "mp4"), (60, "mkv")])
def test_each_step_of_the_time_line_is_the_next_frame(
    tmp_path: Path, rate: Fraction | int, suffix: str
) -> None:
    clip = write_clip(tmp_path / f"clip.{suffix}", shapes(6, 64, 48), rate=rate)
    sent = [str(number / float(rate)) for number in range(6)]
    assert [number_of(frame_at(clip, moment_of(each)).pixels) for each in sent] == [*range(6)]


def test_a_reduced_frame_keeps_its_shape() -> None:
    frame = Frame(shapes(1, 96, 64, deep=True)[0])
    assert reduced(frame, 32).pixels.shape == (32, 48, 3)
    assert reduced(frame, 32).bits == 16
    assert reduced(frame, 480).pixels is frame.pixels


@pytest.mark.parametrize("raw", [None, "soon", "-1", float("nan"), [1], "1e12"])
def test_a_time_that_is_none_is_refused(raw: object) -> None:
    with pytest.raises(OptionError, match="a time must be a number of seconds"):
        time_of(raw)
