"""Sharpness: fine detail relative to the per-frame baseline; detects blur that lowers flicker."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.metrics.base import Mean, Motion, Sample, Setup, luma
from vidstyle.metrics.meaning import Meaning


class Sharpness:
    """Variance of the Laplacian of the result over that of the per-frame baseline (means over the clip).

    Unit: ratio; 1 is as sharp as the baseline. A ratio of two means, not a mean of ratios: black frames have
    no ratio.
    """

    meaning = Meaning("ratio", "near 1: lower is blur", tells_baseline=False, is_drawn=True)
    intervals = ()
    needs = frozenset({"baseline"})

    def __init__(self, setup: Setup | None = None) -> None:
        self._ours, self._baseline = Mean(), Mean()

    @property
    def latest(self) -> float | None:
        ours, baseline = self._ours.latest, self._baseline.latest
        return ours / baseline if ours is not None and baseline else None

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        if now.baseline is None:
            self._ours.skip()
            self._baseline.skip()
            return
        self._ours.add(laplacian_variance(now.result))
        self._baseline.add(laplacian_variance(now.baseline))

    def result(self) -> float | None:
        ours, baseline = self._ours.value, self._baseline.value
        return ours / baseline if ours is not None and baseline else None


def laplacian_variance(picture: Tensor) -> float:
    """Variance of the four-neighbour Laplacian of the luma (BT.601) of (1, 3, H, W), border left out."""
    grey = luma(picture)
    if min(grey.shape[-2:]) < 3:
        return 0.0
    kernel = grey.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)
    return float(F.conv2d(grey, kernel).to(torch.float64).var(correction=0))
