"""The protocol of metrics, the samples that they get, and where motion can be trusted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.metrics.memo import Memo

if TYPE_CHECKING:
    from vidstyle.metrics.perceptual_features import Features


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A frame of a clip and of its result; pictures (1, 3, H, W) in [0, 1], all of one size."""

    content: Tensor
    result: Tensor
    baseline: Tensor | None = None
    """The same frame of the per-frame baseline."""
    is_cut: bool = False
    """A new shot has begun since the last measured frame: earlier frames must not be compared."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Motion of the clip between an earlier frame and a later one, both ways, in px, (1, 2, H, W)."""

    forward: Tensor
    """From the earlier to the later, on the earlier's grid."""
    backward: Tensor
    """From the later to the earlier, on the later's grid."""

    @cached_property
    def valid(self) -> Tensor:
        """(1, 1, H, W) of bool on the earlier's grid: true where ``forward`` can be trusted (Lai's rule)."""
        return ~occluded(self.forward, self.backward)

    @cached_property
    def valid_later(self) -> Tensor:
        """(1, 1, H, W) of bool on the later's grid: true where ``backward`` can be trusted (Lai's rule)."""
        return ~occluded(self.backward, self.forward)


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """What metrics may need besides frames; every metric is built from one of these."""

    style: Tensor | None = None
    """The style picture (1, 3, H, W) in [0, 1]."""
    features: Features | None = None
    """The perceptual encoder; the bundled one if None."""
    every: int = 1
    """Every how many frames one is measured."""
    memo: Memo = field(default_factory=Memo)
    """Shared by all metrics that are built from this."""


class Metric(Protocol):
    """Measures one result in one pass and in constant memory."""

    @property
    def intervals(self) -> tuple[int, ...]:
        """How many frames back the frames are that it compares with; () if it uses single frames."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """Which of "motion", "style" and "baseline" it requires."""
        ...

    @property
    def latest(self) -> float | None:
        """The value of the frame added last, for curves; None if it has none (a first frame, a cut)."""
        ...

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        """Measure the next frame.

        ``past`` and ``motion``, by interval, hold earlier frames of the same shot and the motion from them to
        ``now``; an interval that reaches back beyond the shot is missing.
        """
        ...

    def result(self) -> float | None:
        """The value over all frames so far; None if there was nothing to measure."""
        ...


@dataclass(slots=True)
class Mean:
    """A running mean that remembers its latest value."""

    total: float = 0.0
    count: int = 0
    latest: float | None = field(default=None)

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1
        self.latest = value

    def skip(self) -> None:
        self.latest = None

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


class MeanOverFrames:
    """A metric whose result is the mean of its frames' values, which ``add`` puts into ``_mean``."""

    def __init__(self, setup: Setup | None = None) -> None:
        self._mean = Mean()

    @property
    def latest(self) -> float | None:
        return self._mean.latest

    def result(self) -> float | None:
        return self._mean.value


class MeanOverPairs(MeanOverFrames, ABC):
    """A metric whose result is the mean over pairs of frames, compared along the clip's motion."""

    intervals: tuple[int, ...] = (1,)
    """One: how many frames back the earlier frame of a pair is."""
    needs = frozenset({"motion"})

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        before, moved = past.get(self.intervals[0]), motion.get(self.intervals[0])
        value = None if before is None or moved is None else self.compared(before, now, moved)
        if value is None:
            self._mean.skip()
        else:
            self._mean.add(value)

    @abstractmethod
    def compared(self, before: Sample, now: Sample, moved: Motion) -> float | None:
        """The value of a pair of frames; None if it has none, as where no motion can be trusted."""


def lengths(at_360: int, picture: Tensor) -> int:
    """``scaled``, in whole px, at least 3."""
    return max(3, round(scaled(at_360, picture)))


def scaled(at_360: float, picture: Tensor) -> float:
    """A length in px at a short side of 360 px, scaled to the size of ``picture`` (..., H, W)."""
    return float(at_360 * min(picture.shape[-2:]) / 360)


def luma(picture: Tensor) -> Tensor:
    """Luma (BT.601) (1, 1, H, W) of (1, 3, H, W)."""
    weights = picture.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True)


def occluded(flow: Tensor, reverse: Tensor) -> Tensor:
    """Where ``flow`` (1, 2, H, W) points to something hidden in the other frame; (1, 1, H, W) of bool.

    The rule of Lai et al. 2018 (``utils.detect_occlusion``), after Sundaram et al. 2010: with the reverse
    flow sampled where the flow leads (its border repeated), a pixel is occluded if |w + r|² > 0.01 (|w|² +
    |r|²) + 0.5, and lies on a motion boundary if |∇u|² + |∇v|² > 0.01 |w|² + 0.002, with forward differences
    that are zero in the last column and line. Nothing is smoothed, and leaving the frame is no reason by
    itself.
    """
    returned, _ = warp(reverse, flow)
    squared = _squared(flow)
    disagrees = _squared(flow + returned) > 0.01 * (squared + _squared(returned)) + 0.5
    slope = torch.zeros_like(squared)
    slope[..., :, :-1] += _squared(flow[..., :, 1:] - flow[..., :, :-1])
    slope[..., :-1, :] += _squared(flow[..., 1:, :] - flow[..., :-1, :])
    return disagrees | (slope > 0.01 * squared + 0.002)


def _squared(vectors: Tensor) -> Tensor:
    """Squared length of (1, 2, H, W) vectors: (1, 1, H, W)."""
    return vectors.square().sum(1, keepdim=True)
