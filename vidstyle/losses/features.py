"""The bundled VGG features as losses use them: scaled, by layer, each picture encoded once a step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from vidstyle.nn.features import scaled
from vidstyle.nn.vgg import VGG


class StepFeatures:
    """Features of the pictures of one step, remembered while it lives: make a new one for every step.

    Each channel is divided by its usual deviation, floored (``VGG.scale``), so that layers weigh alike.
    """

    def __init__(self, vgg: VGG, layers: Collection[str]) -> None:
        """Encode ``layers`` (all that any loss asks for) with ``vgg``."""
        self._vgg = vgg
        self._layers = tuple(layers)
        self._known: list[tuple[Tensor, Mapping[str, Tensor]]] = []
        self._styles: dict[int, list[Mapping[str, Tensor]]] = {}

    def __call__(self, picture: Tensor) -> Mapping[str, Tensor]:
        """Features (B, C, h, w) by layer of ``picture`` (B, 3, H, W) in [0, 1], sides of 8 px or more."""
        for known, features in self._known:
            if known is picture:
                return features
        features = self._encode(picture)
        self._known.append((picture, features))
        return features

    def of_styles(self, styles: Sequence[Tensor], side: int) -> list[Mapping[str, Tensor]]:
        """Features (1, C, h, w) of each style picture, brought to an area of ``side`` squared px."""
        if side not in self._styles:
            self._styles[side] = [self._encode(at_area(style, side)) for style in styles]
        return self._styles[side]

    def _encode(self, picture: Tensor) -> Mapping[str, Tensor]:
        return scaled(self._vgg, picture, self._layers)


def at_area(picture: Tensor, side: int) -> Tensor:
    """``picture`` (1, 3, H, W) with H·W about ``side`` squared, its shape kept, each side 16 px or more."""
    height, width = picture.shape[-2:]
    scale = side / (height * width) ** 0.5
    size = [max(16, round(length * scale)) for length in (height, width)]
    if size == [height, width]:
        return picture
    return F.interpolate(picture.contiguous(), size, mode="bilinear", antialias=True)


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Means and deviations, sqrt(biased variance + 1e-5), (B, C) each, of ``features`` (B, C, h, w)."""
    flat = features.float().flatten(2)
    return flat.mean(2), (flat.var(2, correction=0) + 1e-5).sqrt()


def relative(found: Tensor, target: Tensor) -> Tensor:
    """‖found - target‖ / ‖target‖ of each item: (B,) for two tensors (B, …)."""
    gap = (found - target).flatten(1)
    # a root has no slope at 0: a painting equal to its target must not give NaN
    length = target.flatten(1).square().sum(1).sqrt().clamp_min(1e-6)
    return (gap.square().sum(1) + 1e-12).sqrt() / length
