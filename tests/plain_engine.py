"""An engine that paints every frame as it is, at once or as slowly as the tests need it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.engines.base import Engine, EngineInfo, Painted, Statistics
from vidstyle.errors import OptionError

PIDS = "VIDSTYLE_TEST_PIDS"
"""The variable with a folder for files that are called as the processes that paint: a byte for each frame."""
PAUSE = "VIDSTYLE_TEST_PAUSE"
"""The variable with the seconds that painting a frame takes longer."""


class Plain(Engine[Tensor, Statistics]):
    """Gives back what it gets."""

    info = EngineInfo(title="Plain", receptive_field=0, smallest=1)

    def encode_style(self, image: Tensor) -> Tensor:
        return torch.zeros(1)

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return styles[0]

    def stylize(
        self, image: Tensor, style: Tensor, statistics: Statistics | None = None
    ) -> Painted[Statistics]:
        if folder := os.environ.get(PIDS):
            with Path(folder, str(os.getpid())).open("ab") as file:
                file.write(b".")
        time.sleep(float(os.environ.get(PAUSE, "0")))
        return Painted(image)


def plain(weights: Path | None = None) -> Plain:
    """The engine; it has no weights to load."""
    return Plain()


class Broken(Plain):
    """Refuses what it is asked to paint in the middle of a film."""

    def stylize(
        self, image: Tensor, style: Tensor, statistics: Statistics | None = None
    ) -> Painted[Statistics]:
        if image.shape[-1] > 70 or image.shape[-2] > 80:  # a frame of a film, not that of a trial
            raise OptionError("this picture cannot be painted")
        return super().stylize(image, style, statistics)


def broken(weights: Path | None = None) -> Broken:
    """The engine; it has no weights to load."""
    return Broken()
