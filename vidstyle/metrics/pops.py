"""Pops: patches that are repainted all at once, which averages over the whole picture hide."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.metrics.base import MeanOverPairs, Motion, Sample, lengths
from vidstyle.metrics.meaning import Meaning

_PATCH = 16  # px at 360 lines: smaller changes look like grain, not like a patch
_JUMP = 0.08  # of the range: a visible mean change of a patch


class Pops(MeanOverPairs):
    """Share of the picture, in %, where a patch changes at once more than the clip does; the mean over t.

    |W(O_{t+1}) - O_t| less the same of the clip, along the clip's motion where it can be trusted, both
    averaged over 16 px (at 360 lines); a pixel pops where more than 0.08 of the range is left. A fade over
    several frames does not pop, nor does grain. vidstyle's own measure; lower is better.
    """

    meaning = Meaning("% of the picture", "low: no patch jumps", tells_clip=False, digits=3)

    def compared(self, before: Sample, now: Sample, moved: Motion) -> float | None:
        if not bool(moved.valid.any()):
            return None
        excess = _change(before.result, now.result, moved) - _change(before.content, now.content, moved)
        side = lengths(_PATCH, now.result)
        weight = _averaged(moved.valid.to(excess.dtype), side)
        # patches that are mostly hidden do not count
        patch = _averaged(excess.clamp_min_(0), side) / weight.clamp_min(0.25)
        return 100 * float((patch > _JUMP).double().mean())


def _change(before: Tensor, now: Tensor, moved: Motion) -> Tensor:
    """Mean absolute change (1, 1, H, W) over the channels, 0 where motion cannot be trusted."""
    warped, _ = warp(now, moved.forward)
    return (warped - before).abs_().mean(1, keepdim=True) * moved.valid


def _averaged(values: Tensor, side: int) -> Tensor:
    """The mean over overlapping squares of ``side`` px, one at every half side."""
    size = min(side, *values.shape[-2:])
    return F.avg_pool2d(values, size, stride=max(1, size // 2))
