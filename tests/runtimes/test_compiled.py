"""Networks that torch.compile has compiled, by an engine that is small enough for tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import vidstyle
from vidstyle.cli.main import main
from vidstyle.engines.base import AnyEngine, Engine, EngineInfo, Painted, load_engine
from vidstyle.engines.network import Network
from vidstyle.errors import OptionError
from vidstyle.runtimes import compiled
from vidstyle.runtimes.base import Runtime
from vidstyle.runtimes.compiled import Compiled
from vidstyle.testing import RuntimeContract

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of each channel of a whole frame, (3,)."""

    mean: Tensor

    def towards(self, other: Mean, share: float) -> Mean:
        return Mean(self.mean + (other.mean - self.mean) * share)

    def tensors(self) -> Mapping[str, Tensor]:
        return {"mean": self.mean}


class BlurNetwork(Network[Tensor, Mean]):
    multiple: ClassVar[int] = 4
    names = ("change",)

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False)
        nn.init.constant_(self.convolution.weight, 1 / 9)
        self.requires_grad_(False)

    def inputs(self, style: Tensor, statistics: Mean) -> list[Tensor]:
        return [(style - statistics.mean).float().cpu().view(1, 3, 1, 1)]

    def forward(self, image: Tensor, inputs: Sequence[Tensor]) -> Tensor:
        moved = F.conv2d(image, self.convolution.weight.to(image), padding=1, groups=3) + inputs[0]
        return torch.sigmoid(4 * moved - 2)


class Blur(Engine[Tensor, Mean]):
    """Blurs a frame, and moves its mean colour to that of the style, which is a colour (3,)."""

    info = EngineInfo(title="Blur", receptive_field=1, multiple=4)

    def __init__(self) -> None:
        super().__init__()
        self.network = BlurNetwork()

    def encode_style(self, image: Tensor) -> Tensor:
        return image.float().mean((0, 2, 3))

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return torch.stack([style * weight for style, weight in zip(styles, weights, strict=True)]).sum(0)

    def exportable(self) -> Network[Tensor, Mean]:
        return self.network

    def stylize(self, image: Tensor, style: Tensor, statistics: Mean | None = None) -> Painted[Mean]:
        if statistics is None:
            statistics = Mean(image.float().mean((0, 2, 3)))
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % 4, 0, -height % 4), mode="reflect")
        inputs = [part.to(image) for part in self.network.inputs(style, statistics)]
        return Painted(self.network(padded, inputs)[..., :height, :width], statistics)


@pytest.fixture(autouse=True)
def _all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's pictures are small."""
    monkeypatch.setattr(compiled, "_LEAST", 0)


class TestCompiled(RuntimeContract):
    def make(self) -> Runtime:
        return Compiled()

    def engine(self) -> AnyEngine:
        return Blur()
