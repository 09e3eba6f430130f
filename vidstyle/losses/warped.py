"""Warped pairs: the painting moves with its content, apart from changes of its luminance."""

from __future__ import annotations

from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.losses.base import Loss, Step, present
from vidstyle.losses.content import luminance


class Warped(Loss):
    """‖M [(O_t - W(O_t-1)) - (Y_t - W(Y_t-1))]‖² / (h·w), the mean over pairs (ReCoNet, Gao et al. 2018).

    W warps the earlier frame onto the later's grid (bilinear, along the reverse flow), M is 1 where motion
    can be trusted and 0 elsewhere, O are paintings, Y the luminance of the frames in all three channels, so
    that paint may change where the scene's light does.
    """

    needs = frozenset({"pair"})

    def forward(self, step: Step) -> Tensor:
        pair = present(step.pair, "warped", "pair")
        paint = pair.painted_later.float() - warp(pair.painted_earlier.float(), pair.motion)[0]
        light = luminance(pair.later) - warp(luminance(pair.earlier), pair.motion)[0]
        gap = (paint - light) * pair.trusted
        return gap.square().sum((1, 2, 3)).mean() / (gap.shape[-2] * gap.shape[-1])
