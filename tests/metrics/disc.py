"""A disc that moves over textured ground, and what carried paint can do wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from truth import Moving

from vidstyle.metrics.base import Metric, Motion, Sample
from vidstyle.metrics.measurer import Measurer

HEIGHT, WIDTH = 180, 320
RADIUS = 24  # px, of the disc
SPEED = 4  # px a frame, to the right

Renderer = Callable[[Tensor], Tensor]


def blotches(seed: int, *, size: float = 1.8, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """Coloured blotches (1, 3, H, W) of about ``size`` px in all directions, mean 0, deviation 1."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), size)
    return torch.from_numpy(smooth / smooth.std()).permute(2, 0, 1)[None].contiguous()


def color(red: float, green: float, blue: float) -> Tensor:
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1)


GROUND = (color(0.35, 0.5, 0.3) + 0.1 * blotches(1)).clamp(0, 1)
"""Grass."""
DISC = (color(0.8, 0.75, 0.7) + 0.08 * blotches(2)).clamp(0, 1)
"""What the disc is made of; it moves with the disc."""


def inside(index: int, *, speed: int = SPEED) -> Tensor:
    """(1, 1, H, W) of bool: where the disc is in frame ``index``."""
    ys, xs = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    return ((xs - 60 - speed * index) ** 2 + (ys - HEIGHT // 2) ** 2 <= RADIUS**2)[None, None]


def passing_disc(count: int = 12, *, ground: Tensor = GROUND, disc: Tensor = DISC) -> Moving:
    """The disc passes, the ground stands still."""
    frames = [torch.where(inside(n), disc.roll(SPEED * n, 3), ground) for n in range(count)]
    step = torch.tensor([SPEED, 0.0]).view(1, 2, 1, 1)
    motions = [Motion(inside(n) * step, inside(n + 1) * -step) for n in range(count - 1)]
    return Moving(frames, motions)


def blurred(picture: Tensor, sigma: float) -> Tensor:
    soft = cv2.GaussianBlur(picture[0].permute(1, 2, 0).numpy(), (0, 0), sigma)
    return torch.from_numpy(soft).permute(2, 0, 1)[None].contiguous()


def doubled(frames: Sequence[Tensor], apart: int) -> list[Tensor]:
    """Each frame over the one ``apart`` frames before, half and half."""
    return [(frame + frames[max(0, n - apart)]) / 2 for n, frame in enumerate(frames)]


def smeared(frames: Sequence[Tensor], share: float) -> list[Tensor]:
    """Each frame with ``share`` of what was shown before: what moves draws haze behind it."""
    shown = [frames[0]]
    for frame in frames[1:]:
        shown.append(frame + share * (shown[-1] - frame))
    return shown


def left_behind(
    frames: Sequence[Tensor], *, stays: int, area: Callable[[int], Tensor] = inside
) -> list[Tensor]:
    """Each frame, but uncovered ground shows what had covered it for ``stays`` frames more."""
    results = []
    for n, frame in enumerate(frames):
        shown = frame
        for back in range(min(stays, n), 0, -1):
            shown = torch.where(area(n - back) & ~area(n), frames[n - back], shown)
        results.append(shown)
    return results


def painted(frames: Sequence[Tensor], *, strokes: int | None = None) -> list[Tensor]:
    """Frames in other colours under strokes that know nothing of them: new in each, or those of a seed."""
    results = []
    for n, frame in enumerate(frames):
        grain = blotches(100 + n if strokes is None else strokes, size=1.5)
        results.append((0.1 + 0.8 * blurred(frame, 1)[:, [2, 0, 1]] + 0.08 * grain).clamp(0, 1))
    return results


def measured(
    metrics: Metric | Sequence[Metric], scene: Moving, results: Iterable[Tensor], *,
    baseline: Iterable[Tensor] | None = None,
) -> list[float]:  # fmt: skip
    """The metrics' values of ``results``."""
    chosen = {str(n): m for n, m in enumerate(metrics if isinstance(metrics, Sequence) else [metrics])}
    motions = iter(scene.motions)
    measurer = Measurer({"ours": chosen}, lambda *_: next(motions))
    fresh = scene.frames if baseline is None else list(baseline)
    for content, result, own in zip(scene.frames, results, fresh, strict=True):
        measurer.add({"ours": Sample(content, result, own)})
    values = list(measurer.results()["ours"].values())
    assert all(value is not None for value in values)
    return [value for value in values if value is not None]
