"""WCT in a single pass: a frame is encoded once, and transformed at each level of its decoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle import weights as files
from vidstyle.engines.base import EngineInfo
from vidstyle.engines.feature_statistics import NOISE_REACH, Into, StatisticsEngine, without_noise
from vidstyle.nn.folding import Convolution
from vidstyle.nn.single_pass_vgg import LEVELS, SinglePassVGG


def build(weights: Path | None = None) -> WCTSinglePass:
    """WCT in a single pass with the bundled weights, or those of a file.

    Raises ``WeightsMissing`` and ``WeightsMismatch``.
    """
    return WCTSinglePass.of(weights, files.WCT_SINGLE_PASS)


class WCTSinglePass(StatisticsEngine):
    """A style is the statistics of its features; an image is painted in the precision of its dtype.

    Faint noise of an image is smoothed first, because whitening amplifies it. The decoder was trained on
    transformed features, after the paintings of WCT level by level and towards the style pictures themselves.
    The last transform is that of the colours of blocks of 2x2 pixels. Each is folded into a convolution.
    """

    info: ClassVar[EngineInfo] = EngineInfo(
        title="WCT in a single pass",
        good_for="much what wct-slim does, which was trained after its paintings, in twice the time",
        cost="1.4 (a CPU with AMX) to 2.2 times stylenet's",
        origin="trained for vidstyle with a compressed VGG-19 as teacher, Apache-2.0",
        receptive_field=80 + NOISE_REACH,
        near_field=56,  # beyond, less than a level, in films and in white noise
        near_error=5,
        multiple=8,
        smallest=16,
        feature_strength=0.8,  # the decoder was trained with alphas from 0.7 on
    )
    alpha = 0.85
    ridge = 0.01  # that of the training: faint directions are not made loud

    def __init__(self, network: SinglePassVGG) -> None:
        super().__init__(LEVELS)
        self.network = network
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def of(cls, weights: Path | None, bundled: files.Weights) -> Self:
        """The engine with the ``weights`` of a file, else the ``bundled`` ones; raises as ``build``."""
        source = weights or bundled
        name = str(source) if isinstance(source, Path) else source.file
        engine = cls(SinglePassVGG(files.load(source), name=name))
        return engine if weights is None else engine.checked(name)

    def features(self, image: Tensor) -> Sequence[Tensor]:
        features = self.network.encode(image)
        return [features[level] for level in LEVELS]

    def paint(self, image: Tensor, into: Into) -> Tensor:
        features = self.network.encode(without_noise(image))
        value = features[4]
        for place, level in enumerate(LEVELS):
            value = self.network.decode(value, level, into(place, value))
            if level == 4:
                value = self.network.joined(value, features[3])
        return F.pixel_shuffle(value, 2).clamp(0.0, 1.0)

    def features_at(self, level: int, value: Tensor) -> Tensor:
        return self.network.decode(value, 1) if level == 1 else value

    def folded(
        self, level: int, own: tuple[Tensor, Tensor], matrix: Tensor, offset: Tensor, precision: torch.dtype
    ) -> Convolution:
        return self.network.folded(level, matrix, offset, own[0], precision)
