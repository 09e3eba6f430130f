"""A package of toy parts of five kinds, as somebody else would write them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.engines.base import Engine, EngineInfo, Painted
from vidstyle.losses.base import Loss, Step
from vidstyle.metrics.base import Mean, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning, Sampling
from vidstyle.metrics.perceptual_features import Features


@dataclass(frozen=True, slots=True)
class Brightness:
    """The mean of each channel of a whole frame, (3,)."""

    mean: Tensor

    def towards(self, other: Brightness, share: float) -> Brightness:
        return Brightness(self.mean + (other.mean - self.mean) * share)

    def tensors(self) -> Mapping[str, Tensor]:
        return {"mean": self.mean}


class Dye(Engine[Tensor, Brightness]):
    """Moves a frame's mean colour to that of the style; a style is a colour (3,)."""

    info = EngineInfo(title="Dye", receptive_field=0, smallest=1)

    def encode_style(self, image: Tensor) -> Tensor:
        return image.mean((0, 2, 3))

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return torch.stack([style * weight for style, weight in zip(styles, weights, strict=True)]).sum(0)

    def stylize(
        self, image: Tensor, style: Tensor, statistics: Brightness | None = None
    ) -> Painted[Brightness]:
        if statistics is None:
            statistics = Brightness(image.float().mean((0, 2, 3)))
        change = (style - statistics.mean).to(image).view(1, 3, 1, 1)
        return Painted((image + change).clamp(0, 1), statistics)


def dye(weights: Path | None = None) -> Dye:
    """The engine; it has no weights to load."""
    return Dye()


class Stand:
    """Says that nothing moves."""

    def __init__(self, *, device: torch.device | str = "cpu") -> None:
        self.device = device

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        return torch.zeros_like(source[:, :2], dtype=torch.float32)


class Unlikeness:
    """The mean absolute difference between result and clip."""

    meaning = Meaning("intensity", "low: near the clip", tells_clip=False, sampling=Sampling(every=5))
    intervals: tuple[int, ...] = ()
    needs: frozenset[str] = frozenset()

    def __init__(self, setup: Setup) -> None:
        self._mean = Mean()

    @property
    def latest(self) -> float | None:
        return self._mean.latest

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        self._mean.add(float((now.result - now.content).abs().mean()))

    def result(self) -> float | None:
        return self._mean.value


class Pyramid:
    """An encoder without weights: colours at four scales."""

    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")

    def features(self, image: Tensor, layers: Collection[str] = layers) -> dict[str, Tensor]:
        return {name: F.avg_pool2d(image, 2 ** self.layers.index(name)) for name in layers}

    def scale(self, layer: str) -> Tensor:
        return torch.ones(3)


def pyramid(device: torch.device | str = "cpu") -> Features:
    """What ``--features`` names."""
    return Features(Pyramid())


class Grey(Loss):
    """The mean square of what makes a painting coloured."""

    def forward(self, step: Step) -> Tensor:
        painted = step.painted.float()
        return (painted - painted.mean(1, keepdim=True)).square().mean()
