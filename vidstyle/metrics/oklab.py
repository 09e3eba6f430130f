"""Oklab (Ottosson 2020): a colour space with perceptually uniform distances."""

from __future__ import annotations

import torch
from torch import Tensor

_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def oklab(picture: Tensor) -> Tensor:
    """sRGB (1, 3, H, W) in [0, 1] to lightness (0 to 1), green-red and blue-yellow (about -0.4 to 0.4).

    A distance of 0.02 is just visible.
    """
    value = picture.clamp(0, 1)
    linear = torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return _mixed(_mixed(linear, _TO_CONES).clamp_min_(0) ** (1 / 3), _TO_LAB)


def _mixed(channels: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("ij,njhw->nihw", channels.new_tensor(matrix), channels)
