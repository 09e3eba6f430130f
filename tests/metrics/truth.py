"""Sequences with exactly known motion, to check metrics against."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.metrics.base import Metric, Motion, Sample

Places = tuple[Tensor, Tensor]
"""x and y, each (H, W), px."""

_WAVES = ((0.21, 0.13, 0.7), (-0.17, 0.24, 2.1), (0.31, -0.05, 4.0))  # rad/px across, rad/px down, phase
_HEIGHT = 0.12  # of each wave
CURVATURE = sum(_HEIGHT * (across**2 + down**2) for across, down, _ in _WAVES)
"""Bound of |g_xx| + |g_yy| of the texture below, per px²."""


@dataclass(frozen=True)
class Moving:
    """Frames (1, 3, H, W) and the true motion between neighbours."""

    frames: list[Tensor]
    motions: list[Motion]


def texture(places: Places) -> Tensor:
    """A smooth picture (1, 3, H, W) in [0, 1] at any places, so that it can be seen moved exactly."""
    x, y = places
    channels = []
    for turn in range(3):
        waves = [_HEIGHT * torch.sin(a * x + b * y + phase + turn) for a, b, phase in _WAVES]
        channels.append(0.5 + torch.stack(waves).sum(0))
    return torch.stack(channels).unsqueeze(0).float()


def grid(height: int, width: int) -> Places:
    ys, xs = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    return xs, ys


def moved(step: Callable[[Places], Places], back: Callable[[Places], Places], *, count: int = 3,
          height: int = 96, width: int = 128) -> Moving:  # fmt: skip
    """The texture carried along by ``step`` (a pixel's place in the next frame); ``back`` is its inverse."""
    here = grid(height, width)
    origin, frames = here, []
    for _ in range(count):
        frames.append(texture(origin))
        origin = back(origin)
    forward, backward = _flow(here, step(here)), _flow(here, back(here))
    return Moving(frames, [Motion(forward, backward)] * (count - 1))


def shifted(across: float, down: float, **size: int) -> Moving:
    """A pan: all moves by ``across`` and ``down`` px a frame."""
    return moved(lambda p: (p[0] + across, p[1] + down), lambda p: (p[0] - across, p[1] - down), **size)


def affine(scale: float, degrees: float, **size: int) -> Moving:
    """A zoom and a turn a frame, about the middle of 128x96."""
    angle = math.radians(degrees)
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    norm = scale**2

    def step(p: Places) -> Places:
        x, y = p[0] - 63.5, p[1] - 47.5
        return a * x - b * y + 63.5, b * x + a * y + 47.5

    def back(p: Places) -> Places:
        x, y = p[0] - 63.5, p[1] - 47.5
        return (a * x + b * y) / norm + 63.5, (a * y - b * x) / norm + 47.5

    return moved(step, back, **size)


@dataclass(frozen=True)
class Passing:
    """A textured square that moves over a still ground by whole pixels."""

    frames: list[Tensor]
    motions: list[Motion]
    hidden: Tensor
    """(H, W) of bool, on the first frame's grid: ground that the square covers in the second."""
    square: Tensor
    """(H, W) of bool: where the square is in the first frame."""


def passing(across: int = 4, down: int = 3, side: int = 48, height: int = 96, width: int = 128) -> Passing:
    xs, ys = grid(height, width)
    ground = texture((xs, ys))

    def inside(index: int) -> Tensor:
        left, top = 30 + index * across, 20 + index * down
        return (xs >= left) & (xs < left + side) & (ys >= top) & (ys < top + side)

    frames = [
        torch.where(inside(n), texture((xs - n * across + 500, ys - n * down)), ground) for n in range(2)
    ]
    steps = torch.tensor([across, down], dtype=torch.float32).view(1, 2, 1, 1)
    motion = Motion(inside(0) * steps, inside(1) * -steps)
    return Passing(frames, [motion], inside(1) & ~inside(0), inside(0))


def still(picture: Tensor, count: int) -> Moving:
    """``picture`` shown ``count`` times."""
    zero = torch.zeros(1, 2, *picture.shape[-2:])
    return Moving([picture] * count, [Motion(zero, zero)] * (count - 1))


def run(
    metric: Metric, sequence: Moving | Passing, results: Sequence[Tensor] | None = None,
    baseline: Iterable[Tensor] | None = None, cuts: Sequence[int] = (),
) -> float | None:  # fmt: skip
    """Feed ``metric`` by hand with neighbours, ``results`` in the place of the frames themselves."""
    shown = sequence.frames if results is None else results
    others = [None] * len(shown) if baseline is None else list(baseline)
    before: Sample | None = None
    for index, (content, result) in enumerate(zip(sequence.frames, shown, strict=True)):
        now = Sample(content, result, others[index], is_cut=index in cuts)
        known = before is not None and not now.is_cut
        metric.add(
            now,
            {1: before} if known and before is not None else {},
            {1: sequence.motions[index - 1]} if known else {},
        )
        before = now
    return metric.result()


def noisy(frames: Iterable[Tensor], variance: float, seed: int = 0) -> list[Tensor]:
    """Fresh noise on each frame, not clipped."""
    source = torch.Generator().manual_seed(seed)
    return [frame + variance**0.5 * torch.randn(frame.shape, generator=source) for frame in frames]


def blurred(frame: Tensor) -> Tensor:
    """``frame`` smoothed twice over 5x5."""
    for _ in range(2):
        frame = F.avg_pool2d(F.pad(frame, (2, 2, 2, 2), mode="reflect"), 5, 1)
    return frame


def _flow(here: Places, there: Places) -> Tensor:
    return torch.stack([there[0] - here[0], there[1] - here[1]]).unsqueeze(0).float()
