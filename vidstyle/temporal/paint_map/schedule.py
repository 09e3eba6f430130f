"""The schedule by which patches of a shot are repainted in turn, each once a cycle."""

from __future__ import annotations

from typing import Generic

import numpy as np

from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.paint_map.settings import MapLayout

CYCLES_PER_TRANSITION = 12  # times that a patch is repainted in a transition from one style to another


class Schedule(Generic[Plane, Picture]):
    """Which patches are due in each frame of one shot.

    Each pixel has a phase, 0 to 1, and is due when that share of a cycle is complete.

    Args:
        stability: above 0, at most 1; below 1, patches are repainted without a style transition, too.
    """

    def __init__(self, raster: Raster[Plane, Picture], layout: MapLayout, stability: float) -> None:
        self._raster: Raster[Plane, Picture] = raster
        self._cycles_per_frame = (1 - stability) / 2  # at 0.5 every fourth frame
        self.cycles = 0.0
        """Completed since the shot began."""
        self.phase: Plane = _phases(raster, layout)
        """0 to 1, float32, on the decision grid; similar within a patch."""

    def advance(self, renew: float) -> Plane:
        """Go on to the next frame; true (bool, decision grid) where paint is due in it.

        ``renew`` is the change of style since the last frame, as a share (0 to 1) of a whole transition.
        """
        before = self.cycles
        self.cycles += renew * CYCLES_PER_TRANSITION + self._cycles_per_frame
        start = self._raster.floor(self.phase + before)
        is_due: Plane = self._raster.floor(self.phase + self.cycles) > start
        return is_due


def _phases(raster: Raster[Plane, Picture], layout: MapLayout) -> Plane:
    """Random phases on a coarse grid, interpolated, so that they are similar within patches."""
    height, width = layout.decisions
    generator = np.random.default_rng(7)  # fixed: results are reproducible
    size = max(4.0, 24 * layout.scale)
    coarse = generator.random((max(3, round(height / size) + 1), max(3, round(width / size) + 1)))
    low, high = 0.15, 0.85  # interpolated noise is seldom outside
    phases = raster.resize(raster.from_array(coarse), height, width)
    return raster.clip((phases - low) / (high - low), 0.0, 1.0)
