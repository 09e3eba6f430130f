"""The size of a camera's frames follows the measured time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from plain_engine import Plain

import vidstyle
from vidstyle.frames import Frame
from vidstyle.pipeline.held_rate import SMALLEST, FrameSize, painted_at_rate


def lines_of(size: FrameSize, frames: int, seconds: Callable[[int], float]) -> list[int]:
    lines = []
    for _ in range(frames):
        lines.append(size.lines)
        size.observe(seconds(size.lines))
    return lines


@pytest.mark.parametrize("slowness", [0.5, 1.5, 2.0, 5.0, 50.0])
def test_frames_are_as_large_as_the_rate_allows(slowness: float) -> None:
    def seconds(lines: int) -> float:
        return 0.1 * slowness * (0.3 + 0.7 * (lines / 576) ** 2)

    lines = lines_of(FrameSize(576, 10), 600, seconds)[-1]
    if slowness < 1:
        assert lines == 576
    elif slowness < 3:
        assert SMALLEST < lines < 576 and 0.07 < seconds(lines) <= 0.1
    else:
        assert lines == SMALLEST


def test_frames_that_miss_the_rate_are_reduced_within_about_a_second() -> None:
    assert lines_of(FrameSize(576, 10), 7, lambda lines: 0.25)[-1] < 576


def test_frames_grow_again_when_time_is_left_and_less_readily_each_time_that_it_is_not() -> None:
    size = FrameSize(480, 10)
    lines_of(size, 50, lambda lines: 0.3)
    assert size.lines < 480
    assert lines_of(size, 900, lambda lines: 0.02)[-1] == 480
    size = FrameSize(480, 10)
    seen = lines_of(size, 4000, lambda lines: 0.11 if lines == 480 else 0.045)
    assert 2 <= sum(now == 480 > before for before, now in pairwise(seen)) <= 6


@pytest.mark.parametrize("lines", [100, SMALLEST])
def test_small_frames_are_never_reduced(lines: int) -> None:
    assert set(lines_of(FrameSize(lines, 10), 200, lambda lines: 9.0)) == {lines}


def test_reduced_frames_keep_their_times_and_the_cameras_own_size_may_change() -> None:
    stylizer = vidstyle.Stylizer(np.zeros((32, 32, 3), np.uint8), engine=Plain(), temporal="none", detail=0)
    shapes = [(300, 402)] * 12 + [(402, 300)] * 3
    frames = [Frame(np.full((*shape, 3), 10 * n, np.uint8), Fraction(n, 7)) for n, shape in enumerate(shapes)]
    painted = list(painted_at_rate(stylizer, frames, 1e6))
    assert [frame.time for frame in painted] == [frame.time for frame in frames]
    sizes = [frame.pixels.shape[:2] for frame in painted]
    assert sizes[:3] == shapes[:3] and sizes[11] == (240, 322) and sizes[12:] == shapes[12:]
    kept = painted_at_rate(stylizer, frames, None)
    assert [frame.pixels.shape[:2] for frame in kept] == shapes
