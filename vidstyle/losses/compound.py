"""Compound regularisation: painting a warped, noisy picture gives the warped painting of the picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.losses.base import Loss, Step

_CELL = 100  # px of the field's grid, and of the box that smooths it
_DEVIATION = 8.0  # px
_SHIFT = 10  # px, each way
_NOISE = (1e-3, 2e-3)  # deviation, in units of a picture normalised as for ImageNet
_IMAGENET = (0.229, 0.224, 0.225)  # its deviations: one such unit, in [0, 1]


class Compound(Loss):
    """mean |W(S(x)) - S(W(x) + n)| (ReReVST, Wang et al. 2020, eq. 5; their weight is 60).

    W warps to the nearest pixel along a random smooth field; n ~ N(0, σ), σ ~ U(1e-3, 2e-3) in units of
    pictures normalised by ImageNet's deviations. From single pictures: no clips are needed.
    """

    def forward(self, step: Step) -> Tensor:
        content = step.content
        count, _, height, width = content.shape
        field = smooth_field(count, height, width, step.generator).to(content.device)
        low, high = _NOISE
        deviation = low + (high - low) * float(torch.rand((), generator=step.generator))
        unit = torch.tensor(_IMAGENET, device=content.device).view(1, 3, 1, 1)
        grain = torch.randn(content.shape, generator=step.generator).to(content) * deviation * unit
        bent, _ = warp(content, field, mode="nearest")
        expected, _ = warp(step.painted.float(), field, mode="nearest")
        return (expected - step.paint(bent + grain).float()).abs().mean()


def smooth_field(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Random smooth motion (count, 2, height, width) in px, as ReReVST draws it.

    N(0, 8) on a grid of one cell each 100 px, enlarged bilinearly; plus one whole shift of -10 to 10 px for
    each direction; then the mean over 100x100 px (the border is repeated).
    """
    grid = torch.randn(count, 2, max(1, height // _CELL), max(1, width // _CELL), generator=generator)
    field = F.interpolate(grid * _DEVIATION, (height, width), mode="bilinear")
    field = field + torch.randint(-_SHIFT, _SHIFT + 1, (count, 2, 1, 1), generator=generator)
    before, after = _CELL // 2, _CELL - 1 - _CELL // 2
    padded = F.pad(field, (before, after, before, after), mode="replicate")
    # the box filter is separable: 200 sums a pixel instead of 10,000
    return F.avg_pool2d(F.avg_pool2d(padded, (_CELL, 1), 1), (1, _CELL), 1)
