"""Shift consistency: two overlapping crops of one picture agree where they overlap."""

from __future__ import annotations

import torch
from torch import Tensor

from vidstyle.losses.base import Loss, Step


class Shift(Loss):
    """mean |S(x)[dy:, dx:] - S(x[dy:, dx:] + n)|, dx and dy whole from 0 to ``reach``, not both 0.

    n is Gaussian noise, its deviation drawn from 0 to ``noise``. A network with strides paints differently
    after shifts that are no multiples of them, which shimmers in motion; this loss reduces that.

    Args:
        reach: px; at most a quarter of the shorter side is used.
        noise: of the range [0, 1].
    """

    def __init__(self, *, reach: int = 12, noise: float = 0.02) -> None:
        super().__init__()
        self.reach, self.noise = reach, noise

    def forward(self, step: Step) -> Tensor:
        reach = max(1, min(self.reach, min(step.content.shape[-2:]) // 4))
        # 0 is the pair (0, 0), which would compare a picture with itself
        chosen = int(torch.randint(1, (reach + 1) ** 2, (), generator=step.generator))
        down, right = divmod(chosen, reach + 1)
        part = step.content[..., down:, right:]
        deviation = self.noise * float(torch.rand((), generator=step.generator))
        grain = torch.randn(part.shape, generator=step.generator).to(part) * deviation
        again = step.paint(part + grain)
        return (step.painted[..., down:, right:].float() - again.float()).abs().mean()
