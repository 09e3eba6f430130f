"""Warping error: how much a result changes along the clip's own motion (Lai et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.metrics.base import MeanOverPairs, Motion, Sample
from vidstyle.metrics.meaning import Meaning, Sampling


class WarpingError(MeanOverPairs):
    """E(t) = Σ M (W(O_{t+1}) - O_t)² / Σ M over pixels and channels; the mean over t.

    Lai et al. 2018, "Learning Blind Video Temporal Consistency", ``evaluate_WarpError.py``: RGB in [0, 1],
    squared and not rooted, flow of the clip from t to t + 1 (border repeated), occlusion mask on frame t's
    grid (``base.occluded``), counted over valid pixels only. Unit: squared intensity; lower is steadier. Blur
    lowers it: read it together with ``sharpness`` and ``style_distance``. Lai et al. use another flow network
    (FlowNet2) and read results back from JPEG. A pair without one valid pixel is left out; Lai's
    counts it as 0.
    """

    meaning = Meaning(
        "squared intensity",
        "low: near the clip's own",
        mean="mean squared difference over trusted pixels",
        is_drawn=True,
        sampling=Sampling(every=12, with_clip=True),  # a tenth of a run's time, with frame_difference
    )

    def compared(self, before: Sample, now: Sample, moved: Motion) -> float | None:
        if not bool(moved.valid.any()):
            return None
        valid = moved.valid.to(now.result.dtype)
        squares = squared_change(before, now, moved).sum(dtype=torch.float64)
        return float(squares / (3 * valid.sum(dtype=torch.float64)))


def squared_change(before: Sample, now: Sample, moved: Motion) -> Tensor:
    """M (W(O_{t+1}) - O_t)² (1, 3, H, W), on the earlier frame's grid."""
    warped, _ = warp(now.result, moved.forward)
    return (warped - before.result).square_().mul_(moved.valid.to(warped.dtype))
