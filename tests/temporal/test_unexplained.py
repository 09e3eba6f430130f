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
from vidstyle.temporal.mapsettings import DEFAULTS, Layout, MapSettings
from vidstyle.temporal.paintmap import PaintMap
from vidstyle.temporal.raster import Raster
from vidstyle.temporal.raster_cv import CvRaster
from vidstyle.temporal.raster_torch import TorchRaster
from vidstyle.temporal.state import Motion
from vidstyle.temporal.unexplained import unexplained

HEIGHT, WIDTH = 180, 320
GROUND = 60 + 0.2 * ground(HEIGHT, WIDTH)
LAYOUT = Layout.of((HEIGHT, WIDTH), 1, None, 4)
RASTERS: list[Callable[[], Raster]] = [CvRaster, lambda: TorchRaster("cpu")]


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


def found(raster: Raster, now: Pixels, before: Pixels, down: float) -> np.ndarray:
    small = [raster.shrunk(raster.upload(each), *LAYOUT.decisions) for each in (now, before)]
    x, y = raster.grid(*LAYOUT.decisions)
    texture = raster.full(*LAYOUT.decisions, 0.02)
    return np.asarray(
        raster.array(unexplained(raster, LAYOUT, DEFAULTS, small[0], small[1], x, y + down, texture, 0.0))
    )


@pytest.mark.parametrize("make", RASTERS, ids=["opencv", "torch"])
def test_a_bar_that_moved_where_the_search_says_it_stayed_is_unexplained(make: Callable[[], Raster]) -> None:
    missed = found(make(), fall(3), fall(2), 0.0)
    assert missed[bar(3) > 0].mean() > 0.9
    assert missed[120:].max() == 0


@pytest.mark.parametrize("make", RASTERS, ids=["opencv", "torch"])
def test_a_bar_whose_motion_is_known_is_explained(make: Callable[[], Raster]) -> None:
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
            view = raster.view(raster.upload(content), HEIGHT, WIDTH, DIS())
            paint_map.plan(content, motion=Motion(view, None if index == 0 else (still, still)))
            result = paint_map.settle(painted(index))
        where = (bar(6, 3) + bar(5, 3) + bar(4, 3) > 0) & (bar(8, 6) == 0)
        off: np.ndarray = np.abs(result.astype(np.float32) - painted(8)).mean(2)[where]
        return float(np.percentile(off, 90))

    assert left_behind(DEFAULTS) < 14
    assert left_behind(replace(DEFAULTS, missed=9.0)) > 18
