"""Temporal loss: the warping error as style transfer papers report it, over short and long intervals."""

from __future__ import annotations

import torch

from vidstyle.flow.warp import warp
from vidstyle.metrics.base import MeanOverPairs, Motion, Sample
from vidstyle.metrics.meaning import Meaning


class _TemporalLoss(MeanOverPairs):
    """RMSE between W(O_{t+i})·M and O_t·M over all pixels, masked ones too; the mean over t.

    The Sintel family: ReReVST (Wang et al. 2020; the author's code in daooshee/ReReVST-Code#1), then MCCNet,
    CCPL and, with RAFT, CAP-VSTNet. M is 0 where the flow is occluded (``base.occluded``) or leaves the
    frame. Those papers use Sintel's own or PWC-Net's flow and masks. Unit: intensity (0 to 1); lower is
    steadier. It differs from ``warping_error`` in the root, and in that masked pixels count as perfect.
    """

    meaning = Meaning("intensity", "low", mean="root mean square over all pixels, distrusted ones as 0")

    def compared(self, before: Sample, now: Sample, moved: Motion) -> float | None:
        warped, inside = warp(now.result, moved.forward)
        mask = (moved.valid & inside).to(warped.dtype)
        squares = (warped - before.result).mul_(mask).square_()
        return float(squares.mean(dtype=torch.float64).sqrt())


class Short(_TemporalLoss):
    """Against the frame before."""


class Long(_TemporalLoss):
    """Against ten frames back, the papers' long term."""

    intervals = (10,)


class Longest(_TemporalLoss):
    """Against thirty frames back, for drift too slow to be visible after ten."""

    is_on_request = True
    intervals = (30,)
