"""Flicker reduction: how many times steadier a result is than its frames painted each alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vidstyle.metrics.base import Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.warping_error import WarpingError


class FlickerReduction:
    """``warping_error`` of the frames painted alone over that of the result. Unit: ratio; higher is steadier.

    Read it at equal ``style_distance`` and ``sharpness``: a blurred result scores well.
    """

    meaning = Meaning("ratio", "high, at equal style and sharpness", tells_alone=False)
    intervals = (1,)
    needs = frozenset({"motion", "alone"})

    def __init__(self, setup: Setup | None = None) -> None:
        self._ours, self._alone = WarpingError(), WarpingError()

    @property
    def latest(self) -> float | None:
        return _ratio(self._alone.latest, self._ours.latest)

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        self._ours.add(now, past, motion)
        self._alone.add(_alone(now), {step: _alone(sample) for step, sample in past.items()}, motion)

    def result(self) -> float | None:
        return _ratio(self._alone.result(), self._ours.result())


def _alone(sample: Sample) -> Sample:
    return sample if sample.alone is None else replace(sample, result=sample.alone)


def _ratio(above: float | None, below: float | None) -> float | None:
    """None also where nothing moves at all and there is nothing to compare."""
    return above / below if above is not None and below else None
