"""Streaks: strokes drawn out along one direction where the fresh painting has texture in all of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, lengths, luma
from vidstyle.metrics.meaning import Meaning

_REACH = 41  # px at 360 lines, over which direction is judged: a few strokes
_MORE = 0.25  # by which the coherence must exceed that of the fresh painting


class Streaks(MeanOverFrames):
    """Share of the texture, in %, that runs along one direction in the result but not in the baseline.

    The structure tensor (Σ ∇∇ᵀ of the luma over 41 px at 360 lines) gives the coherence
    (λ1 - λ2) / (λ1 + λ2) of the result and of the baseline. A place is a streak where the result's is higher
    by more than 0.25; places are weighted by the gradient energy of the baseline. Blur without a direction is
    no streak (``sharpness`` measures that). vidstyle's own measure; lower is better.
    """

    meaning = Meaning("% of the texture", "low", tells_clip=False, tells_baseline=False, digits=3)
    intervals: tuple[int, ...] = ()
    needs = frozenset({"baseline"})

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        if now.baseline is None or min(now.result.shape[-2:]) < 3:
            self._mean.skip()
            return
        ours, _ = _coherence(now.result)
        baseline, energy = _coherence(now.baseline)
        total = energy.sum(dtype=torch.float64)
        if total <= 0:
            self._mean.skip()
            return
        streaky = (ours - baseline > _MORE).to(energy.dtype)
        self._mean.add(100 * float((streaky * energy).sum(dtype=torch.float64) / total))


def _coherence(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Coherence (0: no direction, 1: one) and gradient energy (1, 1, h, w), over overlapping squares."""
    grey = luma(picture)
    across = (grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2]) / 2
    down = (grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1]) / 2
    side = min(lengths(_REACH, picture), *across.shape[-2:])
    tensor = F.avg_pool2d(torch.cat([across**2, down**2, across * down], 1), side, stride=max(1, side // 2))
    xx, yy, xy = tensor[:, :1], tensor[:, 1:2], tensor[:, 2:]
    energy = xx + yy
    # 1e-6: the direction of gradients of 0.001 is not visible
    return ((xx - yy) ** 2 + 4 * xy**2).sqrt() / (energy + 1e-6), energy
