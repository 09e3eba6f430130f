"""Paint that lost its strokes, or has more of them than any painting, is painted anew; and sharp sampling."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from scenes import flickering, ground, sharpness, shot, view

from vidstyle.flow.base import Array
from vidstyle.frames import Frame, Pixels
from vidstyle.options import SteadyOptions
from vidstyle.temporal.backends.base import Ring, Slot
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import ClipFrame, PaintedFrame, RepaintMask
from vidstyle.temporal.loop import steadied
from vidstyle.temporal.paint_map.paint_map import PaintMap
from vidstyle.temporal.paint_map.settings import DEFAULTS

HEIGHT, WIDTH = 96, 160
CONTENT = shot(view(ground(3 * HEIGHT, 3 * WIDTH), 240, 144, 1, HEIGHT, WIDTH))
NO_STRUCTURE = replace(DEFAULTS, structure=9.0, structure_ground=9.0)  # texture is looked at alone
ROUGH = flickering(CONTENT, seed=1)
SMOOTH = np.asarray(cv2.GaussianBlur(255 - CONTENT, (0, 0), 3), np.uint8)


def noisy(index: int) -> Pixels:
    """The content with grain: a frame equal to the last would not be looked at."""
    return shot(CONTENT.astype(np.float32), noise=1.0, seed=index)


def last_of(
    paint_map: PaintMap, first: Pixels, then: Pixels, *, valid: Any = None, count: int = 30
) -> Pixels:
    result = first
    for index in range(count):
        paint_map.plan(noisy(index))
        result = paint_map.settle(first if index == 0 else then, None if index == 0 else valid)
    return result


def test_smooth_paint_is_replaced_when_fresh_paint_has_strokes() -> None:
    result = last_of(PaintMap(), SMOOTH, ROUGH)
    assert sharpness(result) > 0.8 * sharpness(ROUGH)
    kept = last_of(PaintMap(settings=replace(NO_STRUCTURE, lost_texture=0.0)), SMOOTH, ROUGH)
    assert sharpness(kept) < 0.3 * sharpness(ROUGH)


def test_rough_paint_is_replaced_when_fresh_paint_is_smooth() -> None:
    result = last_of(PaintMap(), ROUGH, SMOOTH)
    assert sharpness(result) < 0.2 * sharpness(ROUGH)
    kept = last_of(PaintMap(settings=replace(NO_STRUCTURE, gained_texture=0.0)), ROUGH, SMOOTH)
    assert sharpness(kept) > 0.8 * sharpness(ROUGH)


def test_texture_is_only_compared_where_a_frame_was_painted_whole() -> None:
    paint_map = PaintMap(settings=NO_STRUCTURE)
    last_of(paint_map, SMOOTH, ROUGH, valid=np.ones((HEIGHT, WIDTH), np.bool_))
    assert paint_map.repainted < 0.1


def test_what_was_painted_anew_for_its_texture_counts_as_repainted() -> None:
    paint_map = PaintMap()
    paint_map.plan(noisy(0))
    paint_map.settle(SMOOTH)
    need = paint_map.plan(noisy(1))
    paint_map.settle(ROUGH)
    assert need.share < 0.1
    assert paint_map.repainted > 0.8


def test_results_are_the_same_with_a_thread_beside_the_map() -> None:
    def results(side: Executor | None) -> list[Pixels]:
        paint_map, found = PaintMap(side=side), []
        for index in range(6):
            x = 240 + 1.3 * index
            content = shot(view(ground(3 * HEIGHT, 3 * WIDTH), x, 144, 1, HEIGHT, WIDTH))
            paint_map.plan(content)
            found.append(paint_map.settle(flickering(content, seed=index)))
        return found

    with ThreadPoolExecutor(1) as side:
        beside = results(side)
    assert all(np.array_equal(a, b) for a, b in zip(beside, results(None), strict=True))


class Full(CvRaster):
    """A raster that has no room left for a result."""

    def store(self, ring: Ring[Array], slot: Slot, picture: Array) -> None:
        if ring.upsampling > 1:
            raise MemoryError("no room")
        super().store(ring, slot, picture)


def test_a_failure_in_the_thread_beside_the_map_is_raised() -> None:
    with ThreadPoolExecutor(1) as side:
        for thread in (side, None):
            paint_map = PaintMap(raster=Full(), side=thread)
            paint_map.plan(CONTENT)
            paint_map.settle(ROUGH)
            paint_map.plan(noisy(1))
            with pytest.raises(MemoryError, match="no room"):
                paint_map.settle(ROUGH)


def test_doubled_pictures_keep_more_sharpness_between_pixels_than_plain_ones() -> None:
    raster = CvRaster()
    x, y = raster.grid(HEIGHT, WIDTH)
    found = {}
    for upsampling in (1, 2):
        ring = raster.new_ring(1, ROUGH, upsampling)
        raster.store(ring, 0, ROUGH)
        assert np.array_equal(raster.sample_sharp(ring, raster.zero_slots(HEIGHT, WIDTH), x, y), ROUGH)
        moved = raster.sample_sharp(ring, raster.zero_slots(HEIGHT, WIDTH), x + 0.5, y + 0.5)
        found[upsampling] = sharpness(moved) / sharpness(ROUGH)
    assert found[2] > 0.85
    assert found[1] < found[2] - 0.08


def test_a_shot_begins_with_the_method_that_is_asked_for() -> None:
    made: list[PaintMap] = []

    def begin(*given: Any, **words: Any) -> PaintMap:
        made.append(PaintMap(*given, settings=replace(DEFAULTS, slots=2), **words))
        return made[-1]

    def paint(known: ClipFrame, is_cut: bool, need: RepaintMask | None) -> PaintedFrame:
        return PaintedFrame(flickering(known.frame.pixels, seed=1))

    frames = [Frame(noisy(index), Fraction(index, 25), Fraction(1, 25)) for index in range(4)]
    options = SteadyOptions(temporal=begin)
    assert len(list(steadied(map(ClipFrame, frames), paint, options=options))) == 4
    assert len(made) == 1


def test_results_may_be_drawn_on_and_frames_filled_anew() -> None:
    def results(*, is_drawn_on: bool) -> list[Pixels]:
        buffer, found = np.empty_like(CONTENT), []

        def frames() -> Iterator[Frame]:
            for index in range(8):
                if is_drawn_on:
                    buffer[:] = noisy(index)
                pixels = buffer if is_drawn_on else noisy(index)
                yield Frame(pixels, Fraction(index, 25), Fraction(1, 25))

        def paint(known: ClipFrame, is_cut: bool, need: RepaintMask | None) -> PaintedFrame:
            return PaintedFrame(flickering(known.frame.pixels, seed=1))

        for shown in steadied(map(ClipFrame, frames()), paint):
            found.append(shown.pixels.copy())
            if is_drawn_on:
                shown.pixels[:] = 255
        return found

    drawn_on, left = results(is_drawn_on=True), results(is_drawn_on=False)
    assert all(np.array_equal(a, b) for a, b in zip(drawn_on, left, strict=True))
