"""StyleNet, the default engine: statistics of VGG features in, a small painter that folds its norms, out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle import weights as files
from vidstyle.engines.base import Engine, Moments, Painted
from vidstyle.errors import WeightsMismatch
from vidstyle.nn.vgg import VGG, bundled

_STYLE_AREA = 192 * 192  # px² at which a style's statistics are taken
_STYLE_LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv4_1")
_BODY = 10  # convolutions of 32 channels in five residual blocks
_CHANNELS = [32] * _BODY + [24]  # of each norm, in order
_SLACK = 1e-4  # added to a variance before its root is taken


def build(weights: Path | None = None) -> StyleNet:
    """StyleNet with the bundled weights, or those of a file with the same tensors.

    Raises ``WeightsMissing`` and ``WeightsMismatch``.
    """
    source = files.STYLENET if weights is None else weights
    return StyleNet(bundled(), files.load(source), str(getattr(source, "file", source)))


class _Painter(nn.Module):
    """The layers of the painter, under the names that their weights have in a file."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(3, 24, 5, 2)
        self.c2 = nn.Conv2d(24, 32, 3, 2)
        self.r = nn.ModuleList(nn.Conv2d(32, 32, 3, bias=False) for _ in range(_BODY))
        self.e1 = nn.Conv2d(32, 24, 3, bias=False)
        self.e2 = nn.Conv2d(24, 12, 3)
        self.film = nn.Linear(100, 2 * sum(_CHANNELS))


class StyleNet(Engine[Tensor]):
    """A style is a code (100,) float32; the image's dtype is the precision that is painted in."""

    halo = 48
    multiple = 4
    smallest = 16

    def __init__(self, vgg: VGG, tensors: dict[str, Tensor], name: str) -> None:
        super().__init__()
        self._vgg = vgg
        self.painter = _Painter()
        self.style = nn.Linear(2816, 100)
        _load_strictly(self, tensors, name)
        self.to(memory_format=torch.channels_last)
        self.requires_grad_(False)
        self.eval()

    def encode_style(self, image: Tensor) -> Tensor:
        """The code (100,) of a style ``image`` (1, 3, H, W) in [0, 1]."""
        code: Tensor = self.style(self.describe(image))
        return code

    def describe(self, image: Tensor) -> Tensor:
        """The descriptor (2816,) of ``image`` (1, 3, H, W): means and deviations of VGG features."""
        height, width = image.shape[-2:]
        scale = (_STYLE_AREA / (height * width)) ** 0.5
        size = [max(8, round(side * scale)) for side in (height, width)]  # VGG halves three times
        small = F.interpolate(image.float(), size, mode="bilinear", antialias=True)
        features = self._vgg.features(small, _STYLE_LAYERS)
        statistics = []
        for layer in _STYLE_LAYERS:
            variance, mean = torch.var_mean(features[layer][0].flatten(1), dim=1, correction=0)
            statistics += [mean, (variance + 1e-5).sqrt()]
        return torch.cat(statistics)

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return torch.stack([code * weight for code, weight in zip(styles, weights, strict=True)]).sum(0)

    def stylize(self, image: Tensor, style: Tensor, moments: Moments | None = None) -> Painted:
        height, width = image.shape[-2:]
        right, below = -width % 4, -height % 4
        padded = F.pad(image, (0, right, 0, below), mode="reflect") if right or below else image
        layers, film = self.painter, self.painter.film(style).split([n for n in _CHANNELS for _ in (0, 1)])
        norms = _Norms(film, moments)
        dtype = image.dtype

        def conv(value: Tensor, layer: Any, reach: int, stride: int = 1) -> Tensor:
            bias = None if layer.bias is None else layer.bias.to(dtype)
            return F.conv2d(F.pad(value, (reach,) * 4, mode="reflect"), layer.weight.to(dtype), bias, stride)

        value = F.relu_(conv(padded - 0.5, layers.c1, 2, 2))
        value = F.relu_(conv(value, layers.c2, 1, 2))
        for block in range(_BODY // 2):
            inner = F.relu_(norms(conv(value, layers.r[2 * block], 1)))
            value = value + norms(conv(inner, layers.r[2 * block + 1], 1))
        value = F.interpolate(value, scale_factor=2, mode="nearest")
        value = F.relu_(norms(conv(value, layers.e1, 1)))
        result = torch.sigmoid(F.pixel_shuffle(conv(value, layers.e2, 1), 2))
        return Painted(result[..., :height, :width], norms.moments())


class _Norms:
    """The norms of one painting, taken in order."""

    def __init__(self, film: Sequence[Tensor], moments: Moments | None) -> None:
        self._film = film
        self._given = moments
        self._taken: list[tuple[Tensor, Tensor]] = []

    def __call__(self, value: Tensor) -> Tensor:
        index = len(self._taken)
        if self._given is None:
            flat = value[0].flatten(1).float()
            mean = flat.mean(1)
            variance = (flat.square().mean(1) - mean * mean).clamp_(min=0)
        else:
            mean = torch.split(self._given.mean, _CHANNELS)[index]
            variance = torch.split(self._given.variance, _CHANNELS)[index]
        self._taken.append((mean, variance))
        scale = (1 + self._film[2 * index]) * torch.rsqrt(variance + _SLACK)
        shift = self._film[2 * index + 1] - mean * scale
        scale, shift = (part.to(value.dtype).view(1, -1, 1, 1) for part in (scale, shift))
        return value.mul_(scale).add_(shift)

    def moments(self) -> Moments:
        if self._given is not None:
            return self._given
        return Moments(*(torch.cat(part) for part in zip(*self._taken, strict=True)))


def _load_strictly(module: nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    try:
        module.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise WeightsMismatch(f"{name} holds no StyleNet weights: {first}") from error
