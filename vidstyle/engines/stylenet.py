"""StyleNet, the default engine: a style's code from VGG features, and a small painter with folded norms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle import weights as files
from vidstyle.engines.base import Engine, Moments, Painted
from vidstyle.errors import WeightsMismatch
from vidstyle.nn import phases
from vidstyle.nn.padding import reflect_rim
from vidstyle.nn.vgg import VGG, bundled

_STYLE_AREA = 192 * 192  # px² at which a style's statistics are taken
_STYLE_LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv4_1")
_BODY = 10  # convolutions of 32 channels in five residual blocks
_CHANNELS = [32] * _BODY + [24]  # of each norm, in order
_ROWS = 32  # rows squared at a time: what stays in the cache is faster, and a whole copy costs page faults
_SLACK = 1e-4  # added to a variance before its root is taken


def build(weights: Path | None = None) -> StyleNet:
    """StyleNet with the bundled weights, or those of a file with the same tensors.

    Raises ``WeightsMissing`` and ``WeightsMismatch``.
    """
    tensors = files.load(files.STYLENET if weights is None else weights)
    return StyleNet(bundled(), tensors, name=str(weights or files.STYLENET.file))


class StyleNet(Engine[Tensor]):
    """A style is a code (100,) float32; the dtype of an image is the precision that it is painted in."""

    halo = 48
    multiple = 4
    smallest = 16

    def __init__(self, vgg: VGG, tensors: dict[str, Tensor], *, name: str = "the file") -> None:
        super().__init__()
        self.vgg = vgg
        self.painter = _Layers()
        self.style = nn.Linear(2816, 100)
        try:
            self.load_state_dict(tensors, strict=True)
        except RuntimeError as error:
            first = " ".join(str(error).split("\n\t")[1:2]) or str(error)
            raise WeightsMismatch(f"{name} does not hold StyleNet's weights: {first.strip()}") from error
        self.painter.derive()
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
        features = self.vgg.features(small, _STYLE_LAYERS)
        statistics = []
        for layer in _STYLE_LAYERS:
            variance, mean = torch.var_mean(features[layer][0].flatten(1), dim=1, correction=0)
            statistics += [mean, (variance + 1e-5).sqrt()]
        return torch.cat(statistics)

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return torch.stack([code * weight for code, weight in zip(styles, weights, strict=True)]).sum(0)

    def stylize(self, image: Tensor, style: Tensor, moments: Moments | None = None) -> Painted:
        """Paint ``image`` (1, 3, H, W) in [0, 1], each side 16 px or more; with ``moments`` any batch."""
        batch, _, height, width = image.shape
        if min(height, width) < self.smallest:
            raise ValueError(
                f"StyleNet paints {self.smallest}x{self.smallest} px or more, got {width}x{height}"
            )
        if moments is None and batch != 1:
            raise ValueError(f"without moments images are painted one by one, got a batch of {batch}")
        norms = _Norms(self.painter.film(style), moments)
        value = self.painter.shrink(image)
        for block in range(_BODY // 2):
            inner = F.relu_(norms.convolve(value, self.painter.kernel(2 * block)))
            value = norms.convolve(inner, self.painter.kernel(2 * block + 1)).add_(value)
        value = F.relu_(norms.double(value, self.painter.repeated))
        picture = self.painter.finish(value)
        return Painted(picture[..., :height, :width], norms.moments())


class _Layers(nn.Module):
    """The painter's layers, named as in its files of weights, and what is derived from them."""

    first_bias: Tensor
    repeated: Tensor
    cells: Tensor
    cells_bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(3, 24, 5, 2)
        self.c2 = nn.Conv2d(24, 32, 3, 2)
        self.r = nn.ModuleList(nn.Conv2d(32, 32, 3, bias=False) for _ in range(_BODY))
        self.e1 = nn.Conv2d(32, 24, 3, bias=False)
        self.e2 = nn.Conv2d(24, 12, 3)
        self.film = nn.Linear(100, 2 * sum(_CHANNELS))

    @torch.no_grad()
    def derive(self) -> None:
        """Take the derived tensors from the loaded ones."""
        # "RGB minus 0.5" moves into the bias: padding by reflection leaves no zeros for it to miss
        first_bias = _tensor(self.c1.bias) - 0.5 * self.c1.weight.sum((1, 2, 3))
        cells, cells_bias = phases.before_shuffle(self.e2.weight, _tensor(self.e2.bias))
        derived = {
            "first_bias": first_bias,
            "repeated": phases.after_repeat(self.e1.weight),
            "cells": cells,
            "cells_bias": cells_bias,
        }
        for name, value in derived.items():
            self.register_buffer(name, value.clone(), persistent=False)

    def kernel(self, number: int) -> Tensor:
        """(32, 32, 3, 3) of the body's convolution ``number``."""
        return self.r.get_parameter(f"{number}.weight")

    def shrink(self, image: Tensor) -> Tensor:
        """The body's input (B, 32, H/4, W/4), sides rounded up, of a picture (B, 3, H, W)."""
        padded = _pad_picture(image)
        # padded by 2 more, the convolution leaves room for the rim that the next one needs, and spares a copy
        value = F.relu_(F.conv2d(padded, self.c1.weight.to(image), self.first_bias.to(image), 2, padding=2))
        value = reflect_rim(value, 1)
        return F.relu_(F.conv2d(value, self.c2.weight.to(image), _tensor(self.c2.bias).to(image), 2))

    def finish(self, value: Tensor) -> Tensor:
        """The picture (B, 3, 4·h, 4·w) of the last features, which are phases (B, 96, h + 1, w + 1)."""
        value = F.conv2d(phases.fill_rim(value), self.cells.to(value), self.cells_bias.to(value))
        return phases.to_picture(value.sigmoid_())


class _Norms:
    """The convolutions of one painting that a norm follows, taken in order.

    With moments given a norm is folded into its convolution; else its moments are taken, in float32
    at any precision, by sums and sums of squares (``var_mean`` is many times slower on channels-last).
    """

    def __init__(self, film: Tensor, moments: Moments | None) -> None:
        parts = torch.split(film, [count for count in _CHANNELS for _ in ("scale", "shift")])
        self._scale, self._shift = [1.0 + part for part in parts[::2]], parts[1::2]
        self._given = moments
        self._taken: list[tuple[Tensor, Tensor]] = []
        if moments is not None:
            means = torch.split(moments.mean, _CHANNELS)
            self._taken = list(zip(means, torch.split(moments.variance, _CHANNELS), strict=True))
        self._next = 0

    def convolve(self, value: Tensor, kernel: Tensor) -> Tensor:
        """Convolve (B, 32, h, w) 3x3 and norm."""
        padded = F.pad(value, (1,) * 4, mode="reflect")
        if self._given is not None:
            return self._folded(padded, kernel, 1)
        value = F.conv2d(padded, kernel.to(value))
        self._take(value, 1, value.shape[-2] * value.shape[-1])
        return self._normed(value, 1)

    def double(self, value: Tensor, kernel: Tensor) -> Tensor:
        """Double (B, 32, h, w) by repetition, convolve 3x3 and norm: phases (B, 96, h + 1, w + 1)."""
        padded = F.pad(value, (1,) * 4, mode="replicate")
        if self._given is not None:
            return self._folded(padded, kernel, 4)
        doubled = phases.clear_rim(F.conv2d(padded, kernel.to(value)))
        self._take(doubled, 4, 4 * value.shape[-2] * value.shape[-1])
        return self._normed(doubled, 4)

    def moments(self) -> Moments:
        if self._given is not None:
            return self._given
        means, variances = zip(*self._taken, strict=True)
        return Moments(torch.cat(means), torch.cat(variances))

    def _take(self, value: Tensor, repeats: int, count: int) -> None:
        sums = value.sum((0, 2, 3), dtype=torch.float32).view(repeats, -1).sum(0)
        squares = torch.stack(
            [rows.float().square().sum((0, 2, 3)) for rows in torch.split(value, _ROWS, 2)]
        ).sum(0)
        squares = squares.view(repeats, -1).sum(0)
        mean = sums / count
        self._taken.append((mean, (squares / count - mean * mean).clamp_(min=0.0)))

    def _affine(self, repeats: int) -> tuple[Tensor, Tensor]:
        """Scale and shift of the next norm, (repeats·C,)."""
        mean, variance = self._taken[self._next]
        scale = self._scale[self._next] * torch.rsqrt(variance + _SLACK)
        shift = self._shift[self._next] - mean * scale
        self._next += 1
        return scale.repeat(repeats), shift.repeat(repeats)

    def _folded(self, padded: Tensor, kernel: Tensor, repeats: int) -> Tensor:
        scale, shift = self._affine(repeats)
        return F.conv2d(padded, (kernel * scale.view(-1, 1, 1, 1)).to(padded), shift.to(padded))

    def _normed(self, value: Tensor, repeats: int) -> Tensor:
        scale, shift = (part.to(value).view(1, -1, 1, 1) for part in self._affine(repeats))
        return torch.addcmul(shift, value, scale, out=value)


def _pad_picture(image: Tensor) -> Tensor:
    """(B, 3, H, W) padded by reflection to multiples of 4, right and below, then by 2 for the first layer."""
    height, width = image.shape[-2:]
    if height % 4 or width % 4:
        image = F.pad(image, (0, -width % 4, 0, -height % 4), mode="reflect")
    batch, colors, height, width = image.shape
    # torch's own padding is slow on three channels, channels-last: 0.7 ms against 0.1 at 640x360
    padded = image.new_empty((batch, height + 4, width + 4, colors)).permute(0, 3, 1, 2)
    padded[..., 2:-2, 2:-2] = image
    return reflect_rim(padded, 2)


def _tensor(value: Tensor | None) -> Tensor:
    assert value is not None  # layers that have a bias
    return value
