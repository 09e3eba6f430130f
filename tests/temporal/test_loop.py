"""The loop that makes a video out of painted frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scenes import change, flickering, ground, shot, view

from vidstyle.frames import Frame, Pixels
from vidstyle.options import SteadyOptions
from vidstyle.registry import TEMPORAL
from vidstyle.temporal.base import ClipFrame, PaintedFrame, RepaintMask, SteadyFrame
from vidstyle.temporal.loop import steadied

HEIGHT, WIDTH = 96, 160
GROUND = ground(3 * HEIGHT, 3 * WIDTH)
OTHER = ground(3 * HEIGHT, 3 * WIDTH, seed=9)


def seen(picture: np.ndarray, x: float = 0.0) -> Pixels:
    return shot(view(picture, 240 + x, 144, 1, HEIGHT, WIDTH))


def as_frames(pixels: list[Pixels]) -> list[Frame]:
    return [Frame(item, Fraction(i, 25), Fraction(1, 25)) for i, item in enumerate(pixels)]


def known(pixels: list[Pixels]) -> Iterator[ClipFrame]:
    return map(ClipFrame, as_frames(pixels))


class Flicker:
    """Paints each frame in other strokes, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, shot: ClipFrame, is_cut: bool, need: RepaintMask | None) -> PaintedFrame:
        self.count += 1
        return PaintedFrame(flickering(shot.frame.pixels, self.count))


def run(pixels: list[Pixels], **options: object) -> list[SteadyFrame]:
    return list(steadied(known(pixels), Flicker(), options=SteadyOptions(**options)))  # type: ignore[arg-type]


def test_stability_0_gives_the_same_bytes_as_no_method() -> None:
    pixels = [seen(GROUND, i) for i in range(4)]
    for one, other in zip(run(pixels, stability=0.0), run(pixels, temporal="none"), strict=True):
        assert np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("temporal", ["map", "blend"])
def test_a_method_calms_a_flickering_painter(temporal: str) -> None:
    pixels = [seen(GROUND) + np.uint8(i % 2) for i in range(8)]
    steady, alone = run(pixels, temporal=temporal), run(pixels, temporal="none")
    calm = change(steady[-1].pixels, steady[-2].pixels)
    assert calm < 0.35 * change(alone[-1].pixels, alone[-2].pixels)


def test_each_result_comes_before_the_next_frame_is_asked_for() -> None:
    asked = []

    def camera() -> Iterator[Frame]:
        for frame in as_frames([seen(GROUND, i) for i in range(3)]):
            asked.append(frame.time)
            yield frame

    results = steadied(map(ClipFrame, camera()), Flicker())
    for count in (1, 2, 3):
        next(results)
        assert len(asked) == count


def test_times_durations_and_alpha_pass_through() -> None:
    frame = Frame(seen(GROUND), Fraction(1, 3), Fraction(2, 7), np.full((HEIGHT, WIDTH), 9, np.uint8))
    (shown,) = steadied([ClipFrame(frame)], Flicker())
    assert (shown.content.time, shown.content.duration) == (frame.time, frame.duration)
    assert shown.content.alpha is frame.alpha


def test_a_cut_begins_a_new_map() -> None:
    pixels = [seen(GROUND, i) for i in range(4)] + [seen(OTHER, i) for i in range(4)]
    results = run(pixels)
    assert [shown.is_cut for shown in results] == [True, False, False, False, True, False, False, False]
    assert results[4].repainted == 1
    assert max(shown.repainted for shown in results[5:]) < 0.3


def test_frames_painted_one_by_one_have_cuts_too() -> None:
    pixels = [seen(GROUND, i) for i in range(4)] + [seen(OTHER, i) for i in range(4)]
    told = []

    def paint(shot: ClipFrame, is_cut: bool, need: RepaintMask | None) -> PaintedFrame:
        told.append(is_cut)
        return PaintedFrame(shot.frame.pixels)

    results = list(steadied(known(pixels), paint, options=SteadyOptions(temporal="none")))
    assert told == [True, False, False, False, True, False, False, False]
    assert [shown.is_cut for shown in results] == told


def test_a_flash_neither_cuts_nor_repaints_what_comes_after() -> None:
    still = view(GROUND, 240, 144, 1, HEIGHT, WIDTH)
    pixels = [shot(still + (170 if i in (4, 5) else 0), noise=1, seed=i) for i in range(10)]
    results = run(pixels)
    assert results[6].repainted < 0.3 and not results[6].is_cut
    assert change(results[6].pixels, results[3].pixels) < 4


def test_a_moving_style_renews_paint_on_a_still() -> None:
    pixels = [seen(GROUND) for _ in range(12)]

    def paint(shot: ClipFrame, is_cut: bool, need: RepaintMask | None) -> PaintedFrame:
        return PaintedFrame(np.full_like(shot.frame.pixels, int(20 * shot.frame.time * 25)))

    moving = (replace(frame, renewal=0.2) for frame in known(pixels))
    results = list(steadied(moving, paint))
    assert results[-1].pixels.mean() > 150


def test_a_painter_that_fails_ends_the_loop_with_its_error() -> None:
    def paint(shot: ClipFrame, is_cut: bool, need: RepaintMask | None) -> PaintedFrame:
        raise RuntimeError("no paint left")

    with pytest.raises(RuntimeError, match="no paint left"):
        list(steadied(known([seen(GROUND)]), paint))


@pytest.mark.parametrize("name", TEMPORAL.bundled)
def test_every_registered_method_gives_finite_frames_of_the_clips_shape(name: str) -> None:
    pixels = [seen(GROUND, x) for x in (0.0, 1.5, 3.0)]
    results = list(steadied(known(pixels), Flicker(), options=SteadyOptions(temporal=name)))
    assert [result.pixels.shape for result in results] == [(HEIGHT, WIDTH, 3)] * 3
    assert all(result.pixels.dtype == np.uint8 and 0 <= result.repainted <= 1 for result in results)
    assert results[0].is_cut and results[0].repainted == 1
