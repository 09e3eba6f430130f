"""Patches are repainted in turn: never without a reason, and each equally often."""

from __future__ import annotations

import numpy as np
import pytest

from vidstyle.flow.base import Array
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.paint_map.schedule import CYCLES_PER_TRANSITION, Schedule
from vidstyle.temporal.paint_map.settings import MapLayout

FRAMES = 48
LAYOUT = MapLayout.of((180, 320), 1, None, 24)


def times_due(stability: float, renew: float) -> Array:
    """How often each pixel is due in ``FRAMES`` frames."""
    schedule = Schedule(CvRaster(), LAYOUT, stability)
    times: Array = np.sum([schedule.advance(renew) for _ in range(FRAMES)], axis=0)
    return times


def test_nothing_is_due_at_full_stability_and_one_style() -> None:
    assert not times_due(1.0, 0.0).any()


def test_every_patch_is_due_equally_often_in_a_style_transition() -> None:
    times = times_due(1.0, 1 / FRAMES)
    assert np.abs(times - CYCLES_PER_TRANSITION).max() <= 1  # rounding may shift one beyond the end


@pytest.mark.parametrize(("stability", "times"), [(0.5, FRAMES / 4), (0.75, FRAMES / 8)])
def test_paint_is_due_more_often_the_lower_the_stability(stability: float, times: float) -> None:
    assert times_due(stability, 0.0).mean() == pytest.approx(times, abs=0.5)


def test_the_pixels_of_a_patch_are_due_together_and_all_within_one_cycle() -> None:
    schedule = Schedule(CvRaster(), LAYOUT, 0.5)
    due = [schedule.advance(0.0) for _ in range(4)]
    assert np.array_equal(np.sum(due, axis=0), np.ones(LAYOUT.decisions))
    assert all(0.1 < mask.mean() < 0.5 for mask in due)
    edges = np.mean([np.abs(np.diff(mask.astype(int), axis=1)).mean() for mask in due])
    assert edges < 0.1  # single pixels, due at random, would make 0.37
