"""A painting of a frame, and the statistics that it was painted with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from vidstyle.engines.base import Statistics
from vidstyle.named_tensors import grouped
from vidstyle.temporal.base import Mask
from vidstyle.tensors import Samples

T = TypeVar("T", bound=Statistics)
A = TypeVar("A", bound=Samples)


@dataclass(frozen=True, slots=True, eq=False)
class FrameStatistics(Generic[T]):
    """An engine's statistics of a frame: of its strokes, and of the finer ones if it was painted twice."""

    strokes: T
    finer: T | None = None

    def towards(self, other: FrameStatistics[T], share: float) -> FrameStatistics[T]:
        """These statistics moved by ``share`` (0 to 1) of the way to ``other``."""
        finer = self.finer
        if finer is not None and other.finer is not None:
            finer = finer.towards(other.finer, share)
        return FrameStatistics(self.strokes.towards(other.strokes, share), finer)

    def tensors(self) -> dict[str, Tensor]:
        """All their tensors, by name."""
        finer = None if self.finer is None else self.finer.tensors()
        return {**grouped("strokes", self.strokes.tensors()), **grouped("finer", finer)}


@dataclass(frozen=True, slots=True, eq=False)
class Painting(Generic[T, A]):
    """Painted pixels, and the statistics that they were painted with (None: the engine has none)."""

    pixels: A
    """(H, W, 3), size and depth of what was painted."""
    statistics: FrameStatistics[T] | None
    valid: Mask | None = None
    """(H, W) where there is paint, or None: everywhere."""


def parts_of(statistics: FrameStatistics[T] | None) -> tuple[T | None, T | None]:
    """The statistics of the strokes, and of the finer ones."""
    return (None, None) if statistics is None else (statistics.strokes, statistics.finer)


def joined(coarse: T | None, fine: T | None = None) -> FrameStatistics[T] | None:
    """Statistics of the strokes and of the finer ones; None if the engine has none."""
    return None if coarse is None else FrameStatistics(coarse, fine)
