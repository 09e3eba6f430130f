"""Photorealistic transfer: the colours and light of a style, and every outline of the frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from vidstyle import weights as files
from vidstyle.engines.base import EngineInfo
from vidstyle.engines.feature_maps import transport
from vidstyle.engines.feature_statistics import Into, StatisticsEngine
from vidstyle.nn.folding import Convolution, folded
from vidstyle.nn.guided_filter import guided
from vidstyle.nn.photoreal_vgg import PhotorealVGG
from vidstyle.nn.small_vgg import with_encoder

LEVELS = (3, 2, 1)
_SHARES = {3: 0.5, 2: 1.0, 1: 1.0}  # of alpha; level 3 alone would paint spots into plain skies
_CELL = 4  # px on which the guided filter fits
_RADIUS = 6  # cells
_SLACK = 1e-3  # variance of intensity: 8 levels of 255 are flat


def build(weights: Path | None = None) -> Photoreal:
    """The engine with the bundled weights, or those of a file, which may leave out the small VGG's encoder.

    Raises ``WeightsMissing`` and ``WeightsMismatch``.
    """
    source = weights or files.PHOTOREAL
    name = str(source) if isinstance(source, Path) else source.file
    engine = Photoreal(PhotorealVGG(with_encoder(files.load(source)), name=name))
    return engine if weights is None else engine.checked(name)


class Photoreal(StatisticsEngine):
    """A style is the statistics of its features; an image is painted in the precision of its dtype.

    A frame is encoded once. On the way back its features are mapped at each level to the statistics of the
    style, by the least change that does so, and joined to the detail that pooling removed (WCT2, Yoo et al.
    2019). The change of the decoded picture passes a guided filter: near any place, a painting is a linear
    function of the frame's own colours.
    """

    info: ClassVar[EngineInfo] = EngineInfo(
        title="photorealistic transfer",
        good_for="the colours and light of a style, of a photograph too, with every outline of the clip",
        cost="1.8 times stylenet's",
        origin="trained for vidstyle, on the small VGG of wct, Apache-2.0",
        receptive_field=96,
        near_field=64,  # beyond, 0.3 levels in white noise
        near_error=1,
        multiple=8,
        smallest=16,
        largest=1920 * 1080,  # about 1 GB of float32 features
        feature_strength=0.1,  # without a style its features give the frame back: any above 0 would do
    )
    ridge = 0.01  # faint directions are not made loud

    def __init__(self, network: PhotorealVGG) -> None:
        super().__init__(LEVELS)
        self.network = network
        self.requires_grad_(False)
        self.eval()

    def features(self, image: Tensor) -> Sequence[Tensor]:
        return self.network.all_levels(image)[::-1]

    def paint(self, image: Tensor, into: Into) -> Tensor:
        features = self.network.all_levels(image)
        value = features[-1]
        for place, level in enumerate(LEVELS):
            value = self.network.decode(value, level, into(place, value))
            if level > 1:
                value = self.network.joined(value, features[level - 2])
        change = guided(value - image, image, radius=_RADIUS, slack=_SLACK, cell=_CELL)
        return (image + change).clamp_(0.0, 1.0).to(image.dtype)

    def mapped(
        self, level: int, own: tuple[Tensor, Tensor], aim: tuple[Tensor, Tensor], alpha: float
    ) -> tuple[Tensor, Tensor]:
        return transport(*own, *aim, alpha * _SHARES[level], ridge=self.ridge)

    def folded(
        self, level: int, own: tuple[Tensor, Tensor], matrix: Tensor, offset: Tensor, precision: torch.dtype
    ) -> Convolution:
        return folded(self.network.first(level), matrix, offset, own[0], precision)
