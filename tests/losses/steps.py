"""Small training steps for the tests of losses: random pictures, and paint from a plain formula."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import torch
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.losses.base import Pair, Step
from vidstyle.losses.features import StepFeatures
from vidstyle.nn.vgg import LAYERS, VGG, bundled


@cache
def vgg() -> VGG:
    return bundled()


def paint(picture: Tensor) -> Tensor:
    """Looks at absolute places (columns in turn), so that it does not move along with what it shows."""
    stripes = (torch.arange(picture.shape[-1]) % 4).to(picture) / 10
    return (picture.flip(1) * 0.6 + 0.1 + stripes).clamp(0, 1)


def make_step(layers: Collection[str] = LAYERS, seed: int = 5) -> Step:
    size, count = (24, 32), 2
    generator = torch.Generator().manual_seed(seed)

    def picture() -> Tensor:
        rough = torch.rand(count, 3, 5, 5, generator=generator)
        return torch.nn.functional.interpolate(rough, size, mode="bicubic").clamp(0, 1)

    content, earlier = picture(), picture()
    motion = torch.randn(count, 2, *size, generator=generator) * 1.5
    later = (warp(earlier, motion)[0] * 0.9 + 0.05).clamp(0, 1)
    painted = [paint(image).requires_grad_() for image in (content, earlier, later)]
    trusted = torch.rand(count, 1, *size, generator=generator) > 0.3
    return Step(
        content=content,
        styles=tuple(torch.rand(1, 3, 20 + 4 * number, 24, generator=generator) for number in range(count)),
        painted=painted[0],
        paint=paint,
        features=StepFeatures(vgg(), layers),
        generator=torch.Generator().manual_seed(seed + 1),
        target=(content * 0.8 + 0.1),
        itself=(content * 0.9 + 0.02).requires_grad_(),
        codes=(torch.linspace(-1, 1, 8).view(2, 4).requires_grad_(), torch.ones(2, 4)),
        pair=Pair(earlier, later, painted[1], painted[2], motion, trusted),
    )
