"""Tones: the colours of large areas have the distribution of the style picture's."""

from __future__ import annotations

import torch
from torch import Tensor

from vidstyle.losses.base import Loss, Step
from vidstyle.losses.step_features import at_area, cell_means

_PLAIN = (
    32 / 255
) ** 2  # least variance that gaps are divided by: a plain style must not outweigh all others


class Tones(Loss):
    """Sliced Wasserstein distance between colours of large areas, over the style's own variance.

    Colours are means over ``cell`` x ``cell`` px: c_i of the painting, s_j of the style in an area of
    ``side``² px. mean_θ mean_i (sort(θ·c)_i - Q(θ·s)_i)² / max(mean_θ var(θ·s), (32/255)²), θ random
    directions in RGB. The distance is that of Heitz et al. 2021, there of VGG's features;
    the division, and that counts may differ (Q are the style's quantiles (i + ½)/n, linear between values),
    are ours. 0 if both have the same colours in the same amounts.

    Temporal losses are lowest where paint is flat; this one counteracts that.

    Args:
        cell: px.
        side: px.
        directions: how many a step draws.
    """

    def __init__(self, *, cell: int = 8, side: int = 256, directions: int = 16) -> None:
        super().__init__()
        self.cell, self.side, self.directions = cell, side, directions

    def forward(self, step: Step) -> Tensor:
        drawn = torch.randn(3, self.directions, generator=step.generator)
        directions = (drawn / drawn.norm(dim=0)).to(step.painted.device)
        with torch.autocast(step.painted.device.type, enabled=False):  # torch.quantile needs float32
            # (B, directions, n), in order
            values = self._along(step.painted, directions).sort(dim=-1).values
            distances = [
                self._distance(ours, self._along(at_area(style, self.side), directions)[0])
                for ours, style in zip(values, step.styles, strict=True)
            ]
            return torch.stack(distances).mean()

    @staticmethod
    def _distance(ours: Tensor, theirs: Tensor) -> Tensor:
        """Of sorted values (directions, n) to values (directions, m)."""
        own, count = ours.shape[-1], theirs.shape[-1]
        shares = (torch.arange(own, device=ours.device) + 0.5) / own
        # torch's quantiles run from the lowest value to the highest, not half a value beyond either
        places = ((shares * count - 0.5) / max(count - 1, 1)).clamp(0.0, 1.0)
        wanted = torch.quantile(theirs, places, dim=-1).T
        variance = theirs.var(dim=-1, correction=0).mean().clamp_min(_PLAIN)
        return (ours - wanted).square().mean() / variance

    def _along(self, image: Tensor, directions: Tensor) -> Tensor:
        """(B, directions, n): the cells' mean colours projected onto each direction."""
        return directions.T @ cell_means(image.float(), self.cell).flatten(2)
