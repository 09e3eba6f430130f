"""Frame difference: the mean absolute change along the clip's motion, in percent of the range."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from vidstyle.flow.warp import warp
from vidstyle.metrics.base import MeanOverFrames, Motion, Sample
from vidstyle.metrics.meaning import Meaning, Sampling


class FrameDifference(MeanOverFrames):
    """100 · mean |O_t - W(O_{t-1})| over valid pixels and channels; the mean over t.

    The last result is brought onto frame t's grid along the clip's flow from t to t - 1; valid is what Lai's
    occlusion rule leaves there (``base.occluded``). Unit: % of the range; lower is steadier.
    """

    meaning = Meaning(
        "%",
        "low: under 2",
        mean="mean absolute difference over trusted pixels",
        is_drawn=True,
        sampling=Sampling(every=12),
    )
    intervals = (1,)
    needs = frozenset({"motion"})

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        before, moved = past.get(1), motion.get(1)
        if before is None or moved is None or not bool(moved.valid_later.any()):
            self._mean.skip()
            return
        warped, _ = warp(before.result, moved.backward)
        valid = moved.valid_later.to(warped.dtype)
        change = (warped - now.result).abs_().mul_(valid).sum(dtype=torch.float64)
        self._mean.add(float(100 * change / (3 * valid.sum(dtype=torch.float64))))
