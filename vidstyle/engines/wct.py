"""WCT (Li et al. 2017): at each level a frame is encoded, whitened and coloured, and decoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from vidstyle import weights as files
from vidstyle.engines.base import EngineInfo
from vidstyle.engines.feature_statistics import (
    NOISE_REACH,
    Into,
    StatisticsEngine,
    checked_levels,
    without_noise,
)
from vidstyle.nn.folding import Convolution, folded
from vidstyle.nn.small_vgg import SmallVGG


def build(weights: Path | None = None, *, levels: str | int = "4321") -> WCT:
    """WCT with the bundled small VGG, or that of a file.

    ``levels`` are the levels to transform, digits from 4 (the coarsest) to 1; without 4 shapes stay closer to
    the clip's. Raises ``OptionError``, ``WeightsMissing`` and ``WeightsMismatch``.
    """
    numbers = checked_levels(levels)
    source = weights or files.SMALL_VGG
    name = str(source) if isinstance(source, Path) else source.file
    engine = WCT(SmallVGG(files.load(source), name=name), numbers)
    return engine if weights is None else engine.checked(name)


class WCT(StatisticsEngine):
    """A style is the statistics of its features; an image is painted in the precision of its dtype.

    Faint noise of a frame is smoothed first, because whitening amplifies it. The frame is then encoded to the
    coarsest level, transformed and decoded; the resulting picture goes through the next finer level in the
    same way. The transform is folded into the decoder's first convolution.
    """

    info: ClassVar[EngineInfo] = EngineInfo(
        title="WCT",
        good_for="most of a style's colours and textures, blotchy where it has no plain areas",
        cost="3 to 4 times stylenet's",
        origin="trained for vidstyle with VGG-16 as teacher, Apache-2.0",
        receptive_field=112 + NOISE_REACH,
        near_field=48,  # beyond, 0.4 levels in photographs and in white noise
        near_error=1,
        multiple=8,
        smallest=16,
        largest=1920 * 1080,  # about 1 GB of float32 features
        feature_strength=0.5,  # lower alphas only blur: coarse features decode to a blurred picture
    )

    def __init__(self, network: SmallVGG, levels: Sequence[int] = (4, 3, 2, 1)) -> None:
        super().__init__(levels)
        self.network = network
        self.requires_grad_(False)
        self.eval()

    def features(self, image: Tensor) -> Sequence[Tensor]:
        return [self.network.encode(image, level) for level in self.levels]

    def paint(self, image: Tensor, into: Into) -> Tensor:
        picture = without_noise(image)
        for place, level in enumerate(self.levels):
            features = self.network.encode(picture, level)
            picture = self.network.picture(features, level, into(place, features))
        return picture

    def folded(
        self, level: int, own: tuple[Tensor, Tensor], matrix: Tensor, offset: Tensor, precision: torch.dtype
    ) -> Convolution:
        return folded(self.network.first(level), matrix, offset, own[0], precision)
