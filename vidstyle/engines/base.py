"""What every engine is: weights that paint images in a style, with all state as arguments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from torch import Tensor, nn

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Moments:
    """Means and variances of an engine's normalised channels: what it knows of the whole frame."""

    mean: Tensor
    """(C,) float32, all norms of the network in order, end to end."""
    variance: Tensor
    """(C,) float32, biased."""

    def towards(self, other: Moments, share: float) -> Moments:
        """These moments moved by ``share`` (0 to 1) of the way to ``other``."""
        return Moments(
            self.mean + (other.mean - self.mean) * share,
            self.variance + (other.variance - self.variance) * share,
        )


@dataclass(frozen=True, slots=True)
class Painted:
    """A painted image (B, 3, H, W) in [0, 1], and the moments it was painted with (None: engine has none)."""

    image: Tensor
    moments: Moments | None = None


class Engine(nn.Module, ABC, Generic[S]):
    """Paints images in a style. Holds weights, never state: all state is an argument."""

    halo: ClassVar[int | None] = None
    """Pixels around a tile that its paint depends on once moments are given; None: depends on everything."""
    multiple: ClassVar[int] = 1
    """Tiles must start at multiples of this many pixels."""
    smallest: ClassVar[int] = 16
    """Shortest side, px, that can be painted."""

    @abstractmethod
    def encode_style(self, image: Tensor) -> S:
        """What the engine needs to know of a style ``image`` (1, 3, H, W) in [0, 1], of any size."""

    @abstractmethod
    def mix(self, styles: Sequence[S], weights: Sequence[float]) -> S:
        """Styles weighted; the weights sum to 1 and may be negative (a push away from a style)."""

    @abstractmethod
    def stylize(self, image: Tensor, style: S, moments: Moments | None = None) -> Painted:
        """Paint ``image`` (1, 3, H, W) in [0, 1]; same shape and range back.

        With ``moments`` given the result depends on nearby pixels only, and they come back unchanged;
        without, they are taken from the image.
        """
