"""StyleNet: style embeddings from VGG features, a small network with folded norms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle import weights as files
from vidstyle.engines.base import Engine, EngineInfo, Painted
from vidstyle.errors import WeightsMismatch
from vidstyle.nn import phases
from vidstyle.nn.padding import reflect_rim
from vidstyle.nn.vgg import VGG, bundled

if TYPE_CHECKING:
    from vidstyle.engines.network import Network

_STYLE_AREA = 192 * 192  # px² at which a style's statistics are taken
_STYLE_LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv4_1")
BODY = 10  # convolutions of 32 channels in five residual blocks
CHANNELS = [32] * BODY + [24]  # of each norm
_ALL, _LAST = sum(CHANNELS), CHANNELS[-1]
_ROWS = 32  # rows squared at a time: they fit into the CPU's cache, and a whole copy costs page faults
SLACK = 1e-4  # added to variances before the square root


def build(weights: Path | None = None) -> StyleNet:
    """StyleNet with the bundled weights, or those of a file with the same tensors.

    Raises ``WeightsMissing`` and ``WeightsMismatch``.
    """
    source = weights or files.STYLENET
    name = str(source) if isinstance(source, Path) else source.file
    return StyleNet(bundled(), files.load(source), name=name)


@dataclass(frozen=True, slots=True)
class NormStatistics:
    """Instance-norm statistics: means and variances of the normalised channels over the whole frame."""

    mean: Tensor
    """(C,) float32, those of all norms concatenated."""
    variance: Tensor
    """(C,) float32, biased."""

    def towards(self, other: NormStatistics, share: float) -> NormStatistics:
        """These statistics moved by ``share`` (0 to 1) of the way to ``other``."""
        return NormStatistics(
            self.mean + (other.mean - self.mean) * share,
            self.variance + (other.variance - self.variance) * share,
        )

    def tensors(self) -> Mapping[str, Tensor]:
        return {"mean": self.mean, "variance": self.variance}


class StyleNet(Engine[Tensor, NormStatistics]):
    """Styles are embeddings (100,) float32; the dtype of an image is the precision that it is painted in."""

    info: ClassVar[EngineInfo] = EngineInfo(
        title="StyleNet",
        good_for="fast and calm, with simple strokes",
        cost="the least",
        origin="trained for vidstyle, Apache-2.0",
        receptive_field=48,
        near_field=32,  # paint depends on 48 px, but little beyond 32: 2 levels in films, 8 in white noise
        near_error=8,
        multiple=4,
        smallest=16,
        largest=4096 * 2304,  # about 1 GB of float32 features
        call_cost=5000,
    )

    def __init__(self, vgg: VGG, tensors: dict[str, Tensor], *, name: str = "the file") -> None:
        super().__init__()
        self.vgg = vgg
        self.painter = Layers()
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
        """The embedding (100,) of a style ``image`` (1, 3, H, W) in [0, 1]."""
        embedding: Tensor = self.style(self.describe(image))
        return embedding

    def describe(self, image: Tensor) -> Tensor:
        """The descriptor (2816,) of ``image`` (1, 3, H, W): means and deviations of VGG features."""
        height, width = image.shape[-2:]
        scale = (_STYLE_AREA / (height * width)) ** 0.5
        size = [max(8, round(side * scale)) for side in (height, width)]  # VGG halves three times
        source = image.float() if image.device.type != "mps" else image.float().cpu()  # it has no antialias
        small = F.interpolate(source, size, mode="bilinear", antialias=True).to(image.device)
        features = self.vgg.features(small, _STYLE_LAYERS)
        statistics = []
        for layer in _STYLE_LAYERS:
            variance, mean = torch.var_mean(features[layer][0].flatten(1), dim=1, correction=0)
            statistics += [mean, (variance + 1e-5).sqrt()]
        return torch.cat(statistics)

    def statistics_from_tensors(self, tensors: Mapping[str, Tensor]) -> NormStatistics:
        return NormStatistics(tensors["mean"], tensors["variance"])

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return torch.stack(
            [embedding * weight for embedding, weight in zip(styles, weights, strict=True)]
        ).sum(0)

    def exportable(self) -> Network[Tensor, NormStatistics]:
        from vidstyle.engines.stylenet_network import StyleNetNetwork  # which imports this module

        return StyleNetNetwork(self.painter)

    def stylize(
        self, image: Tensor, style: Tensor, statistics: NormStatistics | None = None
    ) -> Painted[NormStatistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1], each side 16 px or more; with ``statistics`` any batch."""
        self.check_image(image, statistics)
        height, width = image.shape[-2:]
        film = self.painter.modulate(style)
        norms = (
            _Measured(self.painter, film)
            if statistics is None
            else _Folded(self.painter, film, statistics, image)
        )
        value = self.painter.shrink(image)
        for block in range(BODY // 2):
            inner = F.relu_(norms.convolve(value, 2 * block))
            value = norms.convolve(inner, 2 * block + 1).add_(value)
        picture = self.painter.picture(F.relu_(norms.double(value)))
        return Painted(picture[..., :height, :width], norms.statistics())


class Layers(nn.Module):
    """The painter's layers, named as in its files of weights, and what is derived from them."""

    first_bias: Tensor
    film_weight: Tensor
    film_bias: Tensor
    body: Tensor
    repeated: Tensor
    cells: Tensor
    cells_bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(3, 24, 5, 2)
        self.c2 = nn.Conv2d(24, 32, 3, 2)
        self.r = nn.ModuleList(nn.Conv2d(32, 32, 3, bias=False) for _ in range(BODY))
        self.e1 = nn.Conv2d(32, 24, 3, bias=False)
        self.e2 = nn.Conv2d(24, 12, 3)
        self.film = nn.Linear(100, 2 * _ALL)

    @torch.no_grad()
    def derive(self) -> None:
        """Compute the derived tensors from the loaded ones."""
        # "RGB minus 0.5" moves into the bias, which is exact as there is no zero padding
        first_bias = _tensor(self.c1.bias) - 0.5 * self.c1.weight.sum((1, 2, 3))
        cells, cells_bias = phases.before_shuffle(self.e2.weight, _tensor(self.e2.bias))
        body = torch.cat([self.r.get_parameter(f"{number}.weight") for number in range(BODY)])
        scales, shifts = _film_order()
        order = torch.cat([scales, shifts])
        derived = {
            "first_bias": first_bias,
            "film_weight": self.film.weight[order],
            "film_bias": _tensor(self.film.bias)[order],
            "body": body.contiguous(memory_format=torch.channels_last),
            "repeated": phases.after_repeat(self.e1.weight),
            "cells": cells,
            "cells_bias": cells_bias,
        }
        for name, value in derived.items():
            self.register_buffer(name, value.clone(), persistent=False)

    def modulate(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift, (344,) each, those of all norms concatenated."""
        film = F.linear(style, self.film_weight, self.film_bias)
        return film[:_ALL] + 1.0, film[_ALL:]

    def shrink(self, image: Tensor) -> Tensor:
        """The body's input (B, 32, H/4, W/4), sides rounded up, of a picture (B, 3, H, W)."""
        padded = _pad_picture(image)
        # padding by 2 more leaves room for the next convolution's rim, and spares a copy
        value = F.relu_(F.conv2d(padded, self.c1.weight.to(image), self.first_bias.to(image), 2, padding=2))
        value = reflect_rim(value, 1)
        return F.relu_(F.conv2d(value, self.c2.weight.to(image), _tensor(self.c2.bias).to(image), 2))

    def picture(self, value: Tensor) -> Tensor:
        """The picture (B, 3, 4·h, 4·w) of the last features, which are phases (B, 96, h + 1, w + 1)."""
        value = F.conv2d(phases.fill_rim(value), self.cells.to(value), self.cells_bias.to(value))
        return phases.to_picture(value.sigmoid_())


def folded_norms(film: tuple[Tensor, Tensor], statistics: NormStatistics) -> tuple[Tensor, Tensor]:
    """Scale and shift (344,), float32, of the channels of all norms with known ``statistics``."""
    scale = film[0] * torch.rsqrt(statistics.variance + SLACK)
    return scale, film[1] - statistics.mean * scale


class _Folded:
    """The convolutions that a norm follows, with known statistics: the norms are folded into them."""

    def __init__(
        self, layers: Layers, film: tuple[Tensor, Tensor], statistics: NormStatistics, like: Tensor
    ) -> None:
        self._statistics = statistics
        scale, offset = folded_norms(film, statistics)
        shift = offset.to(like)
        body = (layers.body * scale[:-_LAST].view(-1, 1, 1, 1)).to(like)
        self._kernels = torch.split(body, CHANNELS[0])
        self._biases = torch.split(shift, CHANNELS)
        self._repeated = (layers.repeated * scale[-_LAST:].repeat(4).view(-1, 1, 1, 1)).to(like)

    def convolve(self, value: Tensor, number: int) -> Tensor:
        """The body's convolution ``number`` of (B, 32, h, w), and its norm."""
        padded = F.pad(value, (1,) * 4, mode="reflect")
        return F.conv2d(padded, self._kernels[number], self._biases[number])

    def double(self, value: Tensor) -> Tensor:
        """(B, 32, h, w) doubled, convolved and normed: phases (B, 96, h + 1, w + 1)."""
        padded = F.pad(value, (1,) * 4, mode="replicate")
        return F.conv2d(padded, self._repeated, self._biases[-1].repeat(4))

    def statistics(self) -> NormStatistics:
        return self._statistics


class _Measured:
    """The same without statistics: each norm computes them from its input.

    In float32 at any precision, from sums and sums of squares: ``var_mean`` is many times slower on
    channels-last tensors.
    """

    def __init__(self, layers: Layers, film: tuple[Tensor, Tensor]) -> None:
        self._kernels = torch.split(layers.body, CHANNELS[0])
        self._repeated = layers.repeated
        self._film = list(zip(*(torch.split(part, CHANNELS) for part in film), strict=True))
        self._statistics: list[tuple[Tensor, Tensor]] = []

    def convolve(self, value: Tensor, number: int) -> Tensor:
        padded = F.pad(value, (1,) * 4, mode="reflect")
        value = F.conv2d(padded, self._kernels[number].to(value))
        return self._norm(value, 1, value.shape[-2] * value.shape[-1])

    def double(self, value: Tensor) -> Tensor:
        padded = F.pad(value, (1,) * 4, mode="replicate")
        doubled = phases.clear_rim(F.conv2d(padded, self._repeated.to(value)))
        return self._norm(doubled, 4, 4 * value.shape[-2] * value.shape[-1])

    def statistics(self) -> NormStatistics:
        means, variances = zip(*self._statistics, strict=True)
        return NormStatistics(torch.cat(means), torch.cat(variances))

    def _norm(self, value: Tensor, repeats: int, count: int) -> Tensor:
        """Norm (1, repeats·C, h, w), in place; ``count`` pixels of each channel are not rim."""
        scale, shift = self._film[len(self._statistics)]
        sums = value.sum((0, 2, 3), dtype=torch.float32)
        rows = [part.float().square().sum((0, 2, 3)) for part in torch.split(value, _ROWS, 2)]
        mean, square = (part.view(repeats, -1).sum(0) / count for part in (sums, torch.stack(rows).sum(0)))
        variance = (square - mean * mean).clamp_(min=0.0)
        self._statistics.append((mean, variance))
        scale = scale * torch.rsqrt(variance + SLACK)
        shift = shift - mean * scale
        scale, shift = (part.repeat(repeats).to(value).view(1, -1, 1, 1) for part in (scale, shift))
        return torch.addcmul(shift, value, scale, out=value)


def _film_order() -> tuple[Tensor, Tensor]:
    """Indices of the scales and of the shifts in the output of ``film``, which alternate norm by norm."""
    scales, shifts, place = [], [], 0
    for count in CHANNELS:
        scales.append(torch.arange(place, place + count))
        shifts.append(torch.arange(place + count, place + 2 * count))
        place += 2 * count
    return torch.cat(scales), torch.cat(shifts)


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
