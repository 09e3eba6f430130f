"""The base class of losses, and the data of one training step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from vidstyle.losses.step_features import StepFeatures

T = TypeVar("T")

UNSEEN = (0.5 / 255) ** 2
"""Mean square of detail that rounding to 8 bits removes."""


@dataclass(frozen=True, slots=True, eq=False)
class FramePair:
    """Two frames of a scene, both painted, and the motion between them."""

    earlier: Tensor
    """(P, 3, H, W) in [0, 1]."""
    later: Tensor
    """(P, 3, H, W) in [0, 1]."""
    painted_earlier: Tensor
    """(P, 3, H, W) in [0, 1]."""
    painted_later: Tensor
    """(P, 3, H, W) in [0, 1], painted in the same styles."""
    motion: Tensor
    """(P, 2, H, W) in px, x first, on the later's grid: later[p] corresponds to earlier[p + motion(p)]."""
    trusted: Tensor
    """(P, 1, H, W) of bool on the later's grid: not occluded, no motion boundary, in the frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Autoencoding:
    """What an autoencoder made of the contents of a step, with gradients unless said otherwise."""

    image: Tensor
    """(B, 3, H, W) in [0, 1]: what was encoded, without gradient."""
    heads: Mapping[str, Tensor]
    """By layer of VGG-16: features mapped to that layer's channels, each over its usual deviation.
    Empty if the encoder does not learn."""
    blocks: tuple[tuple[Tensor, Tensor], ...]
    """For each level but the first: the features of the level below, or their means, that its decoder made
    of the encoded ones (which get no gradient), and those that were encoded, without gradient."""
    pictures: tuple[Tensor, ...]
    """(B, 3, H, W), about [0, 1]: pictures decoded from the first level, and from others after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one training step painted; B pictures, each in a style of its own."""

    content: Tensor
    """(B, 3, H, W) in [0, 1]."""
    styles: tuple[Tensor, ...]
    """B style pictures (1, 3, h, w) in [0, 1], each of its own size."""
    painted: Tensor
    """(B, 3, H, W) in [0, 1], with gradient; empty if no loss uses a painting."""
    paint: Callable[[Tensor], Tensor]
    """Paints other pictures (B, 3, H', W') in the same styles, with gradient."""
    features: StepFeatures
    generator: torch.Generator
    """On the CPU, seeded for this step: a resumed run draws the same numbers."""
    target: Tensor | None = None
    """(B, 3, H, W) in [0, 1]: the teacher's painting, for losses that need "target"."""
    itself: Tensor | None = None
    """(B, 3, H, W) in [0, 1]: ``content`` painted in its own style, for losses that need "itself"."""
    embeddings: tuple[Tensor, Tensor] | None = None
    """(B, K) each: the student's style embeddings, with gradient, and the teacher's; for "embeddings"."""
    pair: FramePair | None = None
    """For losses that need "pair"."""
    autoencoding: Autoencoding | None = None
    """For losses that need "autoencoding"; only students that are autoencoders have it."""


class LossSettings(Protocol):
    """The settings of a training run that losses read."""

    @property
    def style_layers(self) -> tuple[str, ...]: ...
    @property
    def style_sides(self) -> tuple[int, ...]: ...
    @property
    def content_layers(self) -> tuple[str, ...]: ...
    @property
    def content_kind(self) -> str: ...
    @property
    def grid_period(self) -> int: ...


class Loss(nn.Module, ABC):
    """A number to minimise; a loss that learns (a projection) has parameters of its own."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """Which optional parts of a step it requires: of "target", "itself", "embeddings", "pair" and
    "autoencoding"."""
    uses_painting: ClassVar[bool] = True
    """Whether it reads ``painted`` or calls ``paint``; if no loss of a run does, nothing is painted."""
    layers: tuple[str, ...] = ()
    """VGG layers whose features it uses."""

    @classmethod
    def of(cls, settings: LossSettings) -> Self:
        """The loss made from a run's ``settings``."""
        return cls()

    @abstractmethod
    def forward(self, step: Step) -> Tensor:
        """A scalar, 0 or more, the mean over the batch."""


def present(value: T | None, loss: str, part: str) -> T:
    """``value``, or ``ValueError`` that says which part of the step is missing for ``loss``."""
    if value is None:
        raise ValueError(f"the loss {loss!r} needs the step's {part}")
    return value
