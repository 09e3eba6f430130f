"""Adaptive instance normalisation (Huang and Belongie 2017), at one level of features or at several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from vidstyle import weights as files
from vidstyle.engines.base import EngineInfo
from vidstyle.engines.feature_maps import moments
from vidstyle.engines.feature_statistics import Into, StatisticsEngine
from vidstyle.errors import OptionError, WeightsMissing
from vidstyle.nn.adain_vgg19 import AdaINVGG19, is_vgg19
from vidstyle.nn.folding import Convolution, folded
from vidstyle.nn.small_vgg import SmallVGG, with_encoder

LEVELS = (4, 3, 2, 1)
_SLACK = 1e-5  # added to variances; features are about 1
_SHARES = {3: 0.25, 2: 0.25, 1: 0.0}  # of the encoder's features in those of a level that is fused


def build(weights: Path | None = None, *, levels: str | int | None = None) -> AdaIN:
    """AdaIN with the decoders of a file, which may leave out the small VGG's encoder.

    ``levels`` are the levels at which features get the statistics of the style: 4 alone is the method of the
    paper; 43, 432 (the default) and 4321 fuse it with finer levels. The file may also hold the network of the
    paper's authors (``tools/convert_weights.py``), which has level 4 only. Raises ``OptionError``,
    ``WeightsMissing`` and ``WeightsMismatch``.
    """
    if levels is not None and str(levels) not in ("4", "43", "432", "4321"):
        raise OptionError(f"the levels of adain are 4, 43, 432 or 4321, got {levels!r}")
    if weights is None:
        raise WeightsMissing("adain comes without weights: give --weights FILE, made by vidstyle train adain")
    name, tensors = str(weights), files.load(weights)
    if not is_vgg19(tensors):
        depth = len(str(levels or "432"))
        return AdaIN(SmallVGG(with_encoder(tensors), name=name), depth).checked(name)
    if str(levels or 4) != "4":
        raise OptionError(f"{name} holds AdaIN's own VGG-19, which has level 4 only, got {levels}")
    return AdaIN(AdaINVGG19(tensors, name=name), 1).checked(name)


class AdaIN(StatisticsEngine):
    """A style is the means and variances of its features; an image is painted in the precision of its dtype.

    A frame is encoded once. Its features of level 4 get the mean and the deviation of each channel from the
    style, t = σ(s)·(F(x) - μ(F(x)))/σ(F(x)) + μ(s), and the picture is decoded from them (eq. 8). With more
    ``depth`` than 1, the features that are decoded at the next finer levels are mixed with those of the
    frame, which keep outlines in place, and normalised in the same way.
    """

    info: ClassVar[EngineInfo] = EngineInfo(
        title="AdaIN",
        good_for="a style's colours and some of its texture, with weights of your own or of pytorch-AdaIN",
        cost="1.9 times stylenet's",
        origin="none, it needs --weights",
        needs_weights=True,
        receptive_field=72,  # of the authors' VGG-19; of the small VGG 64
        near_field=48,  # beyond, 0.1 levels in photographs and in white noise
        near_error=1,
        multiple=8,
        smallest=16,
        largest=1920 * 1080,  # about 1 GB of float32 features
        feature_strength=0.5,  # lower alphas only blur: coarse features decode to a blurred picture
    )
    alpha = 1.0

    def __init__(self, network: SmallVGG | AdaINVGG19, depth: int) -> None:
        super().__init__(LEVELS[:depth])
        self.network = network
        self.requires_grad_(False)
        self.eval()

    def features(self, image: Tensor) -> Sequence[Tensor]:
        features = self.network.features(image)
        return [features[f"conv{level}_1"] for level in self.levels]

    def measure(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return moments(features)

    def paint(self, image: Tensor, into: Into) -> Tensor:
        features = self.features(image)
        value = features[0]
        for place, level in enumerate(LEVELS):
            first = None
            if level in self.levels:
                value = fused(value, features[place], level)
                first = into(place, value)
            value = self.network.decode(value, level, first)
        return value.clamp_(0.0, 1.0)

    def mapped(
        self, level: int, own: tuple[Tensor, Tensor], aim: tuple[Tensor, Tensor], alpha: float
    ) -> tuple[Tensor, Tensor]:
        scale, offset = normalising(*own, *aim)
        return torch.diag(alpha * scale + (1 - alpha)), alpha * offset

    def folded(
        self, level: int, own: tuple[Tensor, Tensor], matrix: Tensor, offset: Tensor, precision: torch.dtype
    ) -> Convolution:
        return folded(self.network.first(level), matrix, offset, own[0], precision)


def fused(decoded: Tensor, encoded: Tensor, level: int) -> Tensor:
    """Features that were decoded to ``level`` with a share of those of the frame, ``encoded``."""
    share = _SHARES.get(level, 0.0)
    return torch.lerp(decoded, encoded.to(decoded.dtype), share) if share else decoded


def normalising(
    mean: Tensor, variance: Tensor, style_mean: Tensor, style_variance: Tensor
) -> tuple[Tensor, Tensor]:
    """Scale and offset that give channels the mean and the deviation of a style (eq. 8); all of one shape."""
    scale = ((style_variance.clamp_min(0.0) + _SLACK) / (variance.clamp_min(0.0) + _SLACK)).sqrt()
    return scale, style_mean - scale * mean
