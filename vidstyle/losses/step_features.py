"""The features of a perceptual encoder for losses: scaled, by layer, each picture encoded once a step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.nn.encoder_features import Encoder, over_scale


class LayerStatistics(NamedTuple):
    """Statistics of the scaled features of one layer, in float32."""

    gram: Tensor
    """(B, C, C): F·Fᵀ/(h·w)."""
    mean: Tensor
    """(B, C)."""
    deviation: Tensor
    """(B, C): sqrt(biased variance + 1e-5)."""


StyleStatistics = Mapping[str, LayerStatistics]
Recall = Callable[[int, int, Callable[[], StyleStatistics]], StyleStatistics]
"""(number of the style picture, side, how to compute them) -> its statistics, remembered or computed."""


class LayerFeatures(Mapping[str, Tensor]):
    """Features (B, C, h, w) of one batch of pictures, each channel divided by its usual deviation."""

    def __init__(self, encoder: Encoder, picture: Tensor, layers: Collection[str]) -> None:
        self._encoder = encoder
        self._plain = encoder.features(picture, layers)
        self._scaled: dict[str, Tensor] = {}
        self._statistics: dict[str, LayerStatistics] = {}

    def __getitem__(self, layer: str) -> Tensor:
        if layer not in self._scaled:
            self._scaled[layer] = over_scale(self._encoder, layer, self._plain[layer])
        return self._scaled[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)

    def statistics(self, layer: str) -> LayerStatistics:
        """The statistics of ``layer`` of each picture."""
        if layer not in self._statistics:
            self._statistics[layer] = self._summed(self._plain[layer], self._encoder.scale(layer))
        return self._statistics[layer]

    @staticmethod
    def _summed(plain: Tensor, scale: Tensor) -> LayerStatistics:
        # scales the sums instead of every pixel, and takes squares from the Gram matrix's diagonal: shallow
        # layers have millions of values
        with torch.autocast(plain.device.type, enabled=False):
            products, mean = _Sums.apply(plain)
        products, mean = products / torch.outer(scale, scale), mean / scale
        variance = (products.diagonal(dim1=1, dim2=2) - mean.square()).clamp_min(0.0)
        return LayerStatistics(products, mean, (variance + 1e-5).sqrt())


class _Sums(torch.autograd.Function):
    """Gram matrices (B, C, C) and means (B, C) of features, in float32, with their gradient in one product.

    The gradient of F·Fᵀ is (g + gᵀ)·F: autograd alone would take two products and add them, and a gradient of
    the mean as large as the features.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features)
        pixels = _pixels(features)
        return pixels.mT @ pixels / pixels.shape[1], pixels.mean(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        by_gram, by_mean = gradients
        pixels = _pixels(features)
        share = 1 / pixels.shape[1]
        gradient = torch.baddbmm(by_mean[:, None], pixels, by_gram + by_gram.mT, beta=share, alpha=share)
        batch, channels, height, width = features.shape
        return gradient.to(features.dtype).view(batch, height, width, channels).permute(0, 3, 1, 2)


def _pixels(features: Tensor) -> Tensor:
    """(B, h·w, C) in float32: a view of channels-last features of that type."""
    return features.permute(0, 2, 3, 1).flatten(1, 2).float()


class StepFeatures:
    """Features of the pictures of one step, each encoded once; make a new object for every step.

    Each channel is divided by its usual deviation, floored (``Encoder.scale``), so that layers weigh alike.
    """

    def __init__(self, encoder: Encoder, layers: Collection[str], recall: Recall | None = None) -> None:
        """Encode ``layers`` (those of all losses); ``recall`` may remember the statistics of styles."""
        self._encoder = encoder
        self._layers = tuple(layers)
        self._recall = recall
        self._known: list[tuple[Tensor, LayerFeatures]] = []
        self._styles: dict[int, StyleStatistics] = {}

    def __call__(self, picture: Tensor) -> LayerFeatures:
        """Features by layer of ``picture`` (B, 3, H, W) in [0, 1], sides of 8 px or more."""
        for known, features in self._known:
            if known is picture:
                return features
        features = LayerFeatures(self._encoder, picture, self._layers)
        self._known.append((picture, features))
        return features

    def of_styles(self, styles: Sequence[Tensor], side: int) -> StyleStatistics:
        """Statistics by layer of all style pictures, each resized to an area of ``side``² px²."""
        if side not in self._styles:
            each = [self._of_style(number, style, side) for number, style in enumerate(styles)]
            self._styles[side] = {
                layer: LayerStatistics(*map(torch.cat, zip(*(one[layer] for one in each), strict=True)))
                for layer in self._layers
            }
        return self._styles[side]

    def _of_style(self, number: int, style: Tensor, side: int) -> StyleStatistics:
        def compute() -> StyleStatistics:
            features = LayerFeatures(self._encoder, at_area(style, side), self._layers)
            return {layer: features.statistics(layer) for layer in self._layers}

        return compute() if self._recall is None else self._recall(number, side, compute)


def at_area(picture: Tensor, side: int) -> Tensor:
    """``picture`` (1, 3, H, W) with H·W about ``side``², its aspect ratio kept, each side 16 px or more."""
    height, width = picture.shape[-2:]
    scale = side / (height * width) ** 0.5
    size = [max(16, round(length * scale)) for length in (height, width)]
    if size == [height, width]:
        return picture
    return F.interpolate(picture.contiguous(), size, mode="bilinear", antialias=True)


def cell_means(image: Tensor, side: int) -> Tensor:
    """Means of ``image`` (B, C, H, W) over cells of ``side`` x ``side`` px; a shorter side is one cell."""
    return F.avg_pool2d(image, [min(side, length) for length in image.shape[-2:]])


def relative(value: Tensor, target: Tensor) -> Tensor:
    """‖value - target‖ / ‖target‖ of each item: (B,) for two tensors (B, …)."""
    gap = (value - target).flatten(1)
    # the gradient of a root is infinite at 0: a painting equal to its target must not give NaN
    length = target.flatten(1).square().sum(1).sqrt().clamp_min(1e-6)
    return (gap.square().sum(1) + 1e-12).sqrt() / length
