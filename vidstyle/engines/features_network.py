"""The network for given statistics of engines that map features: the maps are convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from vidstyle.engines.feature_statistics import FeatureStatistics, StatisticsEngine
from vidstyle.engines.network import Network
from vidstyle.nn.folding import Convolution


class FeaturesNetwork(Network[FeatureStatistics, FeatureStatistics]):
    """The map of each level is folded into a convolution, whose kernel and bias are inputs.

    A matrix of its own before a constant convolution takes 5 to 40 % longer.
    """

    multiple: ClassVar[int] = 8

    def __init__(self, engine: StatisticsEngine) -> None:
        super().__init__()
        self.engine = engine
        self.names = tuple(f"{part}{level}" for level in engine.levels for part in ("kernel", "bias"))

    def inputs(self, style: FeatureStatistics, statistics: FeatureStatistics) -> list[Tensor]:
        """A kernel (O, I, 3, 3) and a bias (O,) of each level, coarse to fine."""
        convolutions = self.engine.convolutions(style, statistics, torch.float32)
        return [part.float().cpu() for convolution in convolutions for part in convolution]

    def forward(self, image: Tensor, inputs: Sequence[Tensor]) -> Tensor:
        def into(place: int, value: Tensor) -> Convolution:
            return inputs[2 * place], inputs[2 * place + 1]

        return self.engine.paint(image, into)
