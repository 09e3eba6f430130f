"""Style: Gram matrices, means and deviations of features are like those of the style picture."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import torch
from torch import Tensor

from vidstyle.losses.base import Loss, LossSettings, Step
from vidstyle.losses.step_features import LayerStatistics, relative

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
SIDES = (256, 181)  # px: an area of 256², and half of it


class StyleLoss(Loss):
    """A distance to each item's own style picture; the mean over scales, layers and the batch.

    Args:
        layers: of the bundled VGG.
        sides: scales, px; at each the style picture is resized to an area of side² px².
    """

    def __init__(self, layers: tuple[str, ...] = LAYERS, sides: tuple[int, ...] = SIDES) -> None:
        super().__init__()
        self.layers = layers
        self.sides = sides

    @classmethod
    def of(cls, settings: LossSettings) -> Self:
        return cls(settings.style_layers, settings.style_sides)

    def forward(self, step: Step) -> Tensor:
        ours = step.features(step.painted)
        terms = []
        for side in self.sides:
            targets = step.features.of_styles(step.styles, side)
            terms += [self._distance(ours.statistics(layer), targets[layer]).mean() for layer in self.layers]
        return torch.stack(terms).mean()

    @abstractmethod
    def _distance(self, painted: LayerStatistics, target: LayerStatistics) -> Tensor:
        """(B,)."""


class GramStyle(StyleLoss):
    """mean ‖G(S(x))/C - G(s)/C‖² / C², G = F·Fᵀ/(h·w) (Gatys et al. 2015, eq. 3 to 5; Johnson et al. 2016).

    Numbers are small (1e-6 to 1e-3), so the usual weights are large (1e5 to 1e6).
    """

    def _distance(self, painted: LayerStatistics, target: LayerStatistics) -> Tensor:
        return ((painted.gram - target.gram) / painted.gram.shape[1]).square().mean((1, 2))


class RelativeStyle(StyleLoss):
    """mean [ ‖G - G_s‖/‖G_s‖ + ½ ‖μ - μ_s‖/‖μ_s‖ + ½ ‖σ - σ_s‖/‖σ_s‖ ], Frobenius norms.

    G = F·Fᵀ/(h·w), μ and σ the channels' means and deviations. Relative, so that all layers and all styles
    weigh alike; the Gram part is the metric ``style_distance``.
    """

    def _distance(self, painted: LayerStatistics, target: LayerStatistics) -> Tensor:
        return (
            relative(painted.gram, target.gram)
            + 0.5 * relative(painted.mean, target.mean)
            + 0.5 * relative(painted.deviation, target.deviation)
        )


class CovarianceStyle(StyleLoss):
    """mean [ ‖Σ - Σ_s‖/‖Σ_s‖ + ½ ‖μ - μ_s‖/‖μ_s‖ + ½ ‖σ - σ_s‖/‖σ_s‖ ], Frobenius norms, Σ = G - μ·μᵀ.

    As ``RelativeStyle``, but with covariances. Gram matrices are mostly the products of means, which hide how
    features vary together: strokes.
    """

    def _distance(self, painted: LayerStatistics, target: LayerStatistics) -> Tensor:
        return (
            relative(_covariance(painted), _covariance(target))
            + 0.5 * relative(painted.mean, target.mean)
            + 0.5 * relative(painted.deviation, target.deviation)
        )


def _covariance(statistics: LayerStatistics) -> Tensor:
    mean = statistics.mean
    return statistics.gram - mean[:, :, None] * mean[:, None]


class MeanDeviation(StyleLoss):
    """mean [ MSE(μ, μ_s) + MSE(σ, σ_s) ] (Huang and Belongie 2017, AdaIN, eq. 13, with squares)."""

    def _distance(self, painted: LayerStatistics, target: LayerStatistics) -> Tensor:
        gaps = painted.mean - target.mean, painted.deviation - target.deviation
        return sum((gap.square().mean(1) for gap in gaps[1:]), gaps[0].square().mean(1))
