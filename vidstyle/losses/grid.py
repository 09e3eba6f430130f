"""Grid: no pattern that repeats with the network's strides (checkerboard artefacts)."""

from __future__ import annotations

from typing import Self

import torch.nn.functional as F
from torch import Tensor

from vidstyle.losses.base import UNSEEN, Loss, LossSettings, Step


class Grid(Loss):
    """Share of the fine detail's energy that repeats with the network's strides, the mean over parts.

    H = S(x) - box(S(x)), a box of ``period`` px; a part is ``part`` x ``part`` cells of ``period`` px, h_cp
    the detail H at place p of its cell c: Σ_p (mean_c h_cp)² / (Σ_p mean_c h_cp² + ε). Detail that is
    independent of the strides has about one over the number of cells, a pattern of the strides 1
    (checkerboard artefacts: Odena et al. 2016). It is a share, so that flat regions, where a pattern is most
    visible, weigh as much as others.

    Args:
        period: px, the product of the network's strides; patterns of half of it are found, too.
        part: cells; more distinguish patterns from detail better, fewer find those of small regions.
    """

    def __init__(self, *, period: int = 4, part: int = 8) -> None:
        super().__init__()
        self.period, self.part = period, part

    @classmethod
    def of(cls, settings: LossSettings) -> Self:
        return cls(period=settings.grid_period)

    def forward(self, step: Step) -> Tensor:
        painted = step.painted.float()
        period = self.period
        before, after = period // 2, period - 1 - period // 2
        padded = F.pad(painted, (before, after, before, after), mode="reflect")
        fine = painted - F.avg_pool2d(padded, period, 1)
        # (B, 3·period², cells down, cells across): one channel for each place
        places = F.pixel_unshuffle(_full_cells(fine, period), period)
        part = min(self.part, *places.shape[-2:])
        locked = F.avg_pool2d(places, part).square().sum(1)
        energy = F.avg_pool2d(places.square(), part).sum(1)
        return (locked / (energy + UNSEEN * places.shape[1])).mean()


def _full_cells(image: Tensor, period: int) -> Tensor:
    """``image`` without the last lines and columns that fill no cell."""
    height, width = (side // period * period for side in image.shape[-2:])
    return image[..., :height, :width]
