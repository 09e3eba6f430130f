"""Flicker reduction: how many times steadier a result is than the per-frame baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vidstyle.metrics.base import Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.warping_error import WarpingError


class FlickerReduction:
    """``warping_error`` of the per-frame baseline over that of the result. Unit: ratio; higher is steadier.

    Read it at equal ``style_distance`` and ``sharpness``: a blurred result scores well.
    """

    meaning = Meaning("ratio", "high, at equal style and sharpness", tells_baseline=False)
    intervals = (1,)
    needs = frozenset({"motion", "baseline"})

    def __init__(self, setup: Setup | None = None) -> None:
        self._ours, self._baseline = WarpingError(), WarpingError()

    @property
    def latest(self) -> float | None:
        return _ratio(self._baseline.latest, self._ours.latest)

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        self._ours.add(now, past, motion)
        self._baseline.add(_baseline(now), {step: _baseline(sample) for step, sample in past.items()}, motion)

    def result(self) -> float | None:
        return _ratio(self._baseline.result(), self._ours.result())


def _baseline(sample: Sample) -> Sample:
    return sample if sample.baseline is None else replace(sample, result=sample.baseline)


def _ratio(above: float | None, below: float | None) -> float | None:
    """None also where nothing moves at all and there is nothing to compare."""
    return above / below if above is not None and below else None
