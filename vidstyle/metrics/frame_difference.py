"""Frame difference: the mean absolute change along the clip's motion, in percent of the range."""

from __future__ import annotations

import torch

from vidstyle.flow.warp import warp
from vidstyle.metrics.base import MeanOverPairs, Motion, Sample
from vidstyle.metrics.meaning import Meaning, Sampling


class FrameDifference(MeanOverPairs):
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

    def compared(self, before: Sample, now: Sample, moved: Motion) -> float | None:
        if not bool(moved.valid_later.any()):
            return None
        warped, _ = warp(before.result, moved.backward)
        valid = moved.valid_later.to(warped.dtype)
        change = (warped - now.result).abs_().mul_(valid).sum(dtype=torch.float64)
        return float(100 * change / (3 * valid.sum(dtype=torch.float64)))
