"""Thin things whose motion the search misses leave no comb of outlines behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scenes import ground, shot

from vidstyle.flow.dis import DIS
from vidstyle.frames import Pixels
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.temporal.base import FrameMotion
from vidstyle.temporal.paint_map.paint_map import PaintMap
from vidstyle.temporal.paint_map.settings import DEFAULTS, MapLayout, MapSettings
from vidstyle.temporal.paint_map.unexplained import unexplained

HEIGHT, WIDTH = 180, 320
GROUND = 60 + 0.2 * ground(HEIGHT, WIDTH)
LAYOUT = MapLayout.of((HEIGHT, WIDTH), 1, None, 4)
RASTERS: list[Callable[[], AnyRaster]] = [CvRaster, lambda: TorchRaster("cpu")]


def bar(index: int, grown: int = 0) -> np.ndarray:
    """Where a thin bar is that falls by 6 px a frame, as weights."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    top = 40 + 6 * index
    cv2.rectangle(mask, (120 - grown, top - grown), (160 + grown, top + 4 + grown), 1.0, -1)
    return mask


def fall(index: int) -> Pixels:
    weight = bar(index)[..., None]
    return shot(GROUND * (1 - weight) + 235 * weight)


def painted(index: int) -> Pixels:
    """With an outline that is wider than the bar, as engines paint."""
    outline = (bar(index, 3) - bar(index))[..., None]
    return shot(fall(index) * (1 - outline) + 10 * outline)


def found(raster: AnyRaster, now: Pixels, before: Pixels, down: float) -> np.ndarray:
    small = [raster.downsample(raster.from_samples(each), *LAYOUT.decisions) for each in (now, before)]
    x, y = raster.grid(*LAYOUT.decisions)
    texture = raster.full(*LAYOUT.decisions, 0.02)
    return np.asarray(
        unexplained(raster, LAYOUT, DEFAULTS, small[0], small[1], x, y + down, x == x, texture, 0.0)
    )


@pytest.mark.parametrize("make", RASTERS, ids=["opencv", "torch"])
def test_a_bar_that_moved_where_the_search_says_it_stayed_is_unexplained(
    make: Callable[[], AnyRaster],
) -> None:
    missed = found(make(), fall(3), fall(2), 0.0)
    assert missed[bar(3) > 0].mean() > 0.9
    assert missed[120:].max() == 0


@pytest.mark.parametrize("make", RASTERS, ids=["opencv", "torch"])
def test_a_bar_whose_motion_is_known_is_explained(make: Callable[[], AnyRaster]) -> None:
    near = np.s_[50:70, 124:156]
    assert found(make(), fall(3), fall(2), -6.0)[near].max() == 0


def test_where_everything_differs_nothing_is_singled_out() -> None:
    other = shot(np.flipud(ground(HEIGHT, WIDTH)))
    assert found(CvRaster(), shot(ground(HEIGHT, WIDTH)), other, 0.0).max() == 0


def test_outlines_that_the_motion_misses_are_gone_a_frame_later() -> None:
    raster, still = CvRaster(), np.zeros((HEIGHT, WIDTH), np.float32)

    def left_behind(settings: MapSettings) -> float:
        paint_map = PaintMap(settings=settings)
        for index in range(9):
            content = fall(index)
            view = raster.flow_input(raster.from_samples(content), HEIGHT, WIDTH, DIS())
            paint_map.plan(content, motion=FrameMotion(view, None if index == 0 else (still, still)))
            result = paint_map.settle(painted(index))
        where = (bar(6, 3) + bar(5, 3) + bar(4, 3) > 0) & (bar(8, 6) == 0)
        off: np.ndarray = np.abs(result.astype(np.float32) - painted(8)).mean(2)[where]
        return float(np.percentile(off, 90))

    assert left_behind(DEFAULTS) < 14
    assert left_behind(replace(DEFAULTS, missed=9.0)) > 16
    assert left_behind(replace(DEFAULTS, missed=9.0, fade_unrest=0.0)) > 20


def test_many_bars_are_found_and_what_a_pan_brings_in_is_not() -> None:
    def bars(index: int) -> Pixels:
        picture = shot(GROUND)
        for left in range(20, 300, 56):
            top = 40 + 6 * index
            picture[top : top + 5, left : left + 40] = 235
        return picture

    missed = found(CvRaster(), bars(3), bars(2), 0.0)
    assert missed[58:63, 25:295].mean() > 0.5
    panned = [shot(30 + 0.8 * ground(HEIGHT, WIDTH + 20)[:, left : left + WIDTH]) for left in (0, 12)]
    raster = CvRaster()
    small = [raster.downsample(raster.from_samples(each), *LAYOUT.decisions) for each in panned]
    x, y = raster.grid(*LAYOUT.decisions)
    is_inside, texture = x + 12 < WIDTH - 0.5, raster.full(*LAYOUT.decisions, 0.02)
    arguments = raster, LAYOUT, DEFAULTS, small[1], small[0], x + 12, y
    assert unexplained(*arguments, is_inside, texture, 0.0).max() == 0
    assert unexplained(*arguments, x == x, texture, 0.0).max() == 1
