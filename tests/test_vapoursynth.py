"""The VapourSynth filter: frames are painted in order, whatever the order they are asked for in."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from vidstyle.errors import OptionError
from vidstyle.frames import Pixels
from vidstyle.vapoursynth import VideoNode, painted_in_order

_LENGTH = 80


@pytest.fixture
def vs() -> Any:
    """The module of VapourSynth, on two threads."""
    module = pytest.importorskip("vapoursynth")
    module.core.num_threads = 2
    return module


class _Inverted:
    """Inverts frames, and notes the order in which it gets them."""

    def __init__(self) -> None:
        self.order: list[int] = []

    def __call__(self, frames: Iterator[Pixels]) -> Iterator[Pixels]:
        for frame in frames:
            self.order.append(int(frame[0, 0, 0]))
            yield np.asarray(255 - frame, np.uint8)


def _ramp(vs: Any) -> Any:
    """A clip whose frame n has the value n everywhere, and n as a property."""

    def shade(n: int, f: Any) -> Any:
        result = f.copy()
        for plane in range(3):
            np.asarray(result[plane])[:] = n
        result.props["Number"] = n
        return result

    blank = vs.core.std.BlankClip(format=vs.RGB24, width=32, height=24, length=_LENGTH)
    return vs.core.std.ModifyFrame(blank, blank, shade)


def test_frames_that_are_asked_for_side_by_side_are_painted_once_and_in_order(vs: Any) -> None:
    paint = _Inverted()
    twice: Any = painted_in_order(painted_in_order(_ramp(vs), paint), _Inverted())
    results = [
        (int(np.asarray(frame[2])[3, 3]), frame.props["Number"]) for frame in twice.frames(prefetch=16)
    ]
    assert results == [(number, number) for number in range(_LENGTH)]
    assert paint.order == list(range(_LENGTH))


def test_a_frame_further_back_begins_the_painting_again(vs: Any) -> None:
    paint = _Inverted()
    clip = painted_in_order(_ramp(vs), paint)
    vs.core.max_cache_size = 1  # MB: VapourSynth keeps little
    for number in (60, 59, 2):
        with clip.get_frame(number) as frame:
            assert int(np.asarray(frame[0])[0, 0]) == 255 - number
    assert paint.order == [*range(61), *range(3)]


def test_after_an_error_the_painting_begins_again(vs: Any) -> None:
    attempts: list[int] = []

    def paint(frames: Iterator[Pixels]) -> Iterator[Pixels]:
        attempts.append(len(attempts))
        for frame in frames:
            if attempts == [0]:
                raise OSError("the disk is full")
            yield frame

    clip = painted_in_order(_ramp(vs), paint)
    with pytest.raises(Exception, match="the disk is full"):
        clip.get_frame(1)
    with clip.get_frame(1) as frame:
        assert int(np.asarray(frame[0])[0, 0]) == 1


def test_a_clip_that_is_not_rgb_is_refused(vs: Any) -> None:
    clip = vs.core.std.BlankClip(format=vs.YUV420P8, width=32, height=24)
    with pytest.raises(OptionError, match=r"YUV420P8, not RGB24 or RGB48; convert it: core\.resize"):
        painted_in_order(clip, _Inverted())


@pytest.mark.skipif(importlib.util.find_spec("vapoursynth") is not None, reason="VapourSynth is installed")
def test_without_vapoursynth_the_error_says_how_to_install_it() -> None:
    with pytest.raises(OptionError, match=r"pip install 'vidstyle\[vapoursynth\]'"):
        painted_in_order(cast("VideoNode", None), _Inverted())
