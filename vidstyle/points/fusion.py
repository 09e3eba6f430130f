"""Painted views fused into one colour for each point: a robust mean over the views that see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.points.cameras import Camera
from vidstyle.points.cloud import Cloud, Floats, tree_of
from vidstyle.points.rendering import Points, projected, thickness

_ROUNDS = 3
_SPREAD = 0.12  # of the range: colours that differ more from the mean of a point count for little
_CHUNK = 1 << 19  # points that are looked up at once
_NEIGHBOURS = 4
_STEEP = 2.0  # times the thickness of a surface: pixels that differ more in depth show another one
_OUTLINE = 2  # px, how far a surface's outline reaches
_AT_OUTLINE = 0.05  # weight of a point there: it counts if no other view shows it

Paintings = Callable[[], Iterable[Tensor]]
"""Opens the painted views again, each (H, W, 3) in [0, 1], in the order of their cameras."""


def fused(
    points: Points, cameras: list[Camera], depths: list[Tensor], paintings: Paintings
) -> tuple[Floats, Floats]:
    """Colours (N, 3) in [0, 1], and the weight (N,) of all views that see a point; 0: none does.

    Views that look at a surface straight on and from near count most. The first mean is over all of them; two
    more rounds weigh each by how near its colour is to the mean.
    """
    count = len(points.positions)
    mean: Tensor | None = None
    weight = torch.zeros(count, device=points.positions.device)
    for _ in range(_ROUNDS):
        sums = torch.zeros((count, 4), device=points.positions.device)
        for camera, depth, painting in zip(cameras, depths, paintings(), strict=True):
            for begin in range(0, count, _CHUNK):
                part = slice(begin, begin + _CHUNK)
                color, share = _looked_up(points, part, camera, depth, painting.to(sums))
                if mean is not None:
                    square = ((color - mean[part]) ** 2).mean(dim=1)
                    share = share * torch.exp(-square / (2 * _SPREAD**2)).clamp_min(1e-6)
                sums[part, :3] += color * share[:, None]
                sums[part, 3] += share
        mean = sums[:, :3] / sums[:, 3:].clamp_min(1e-20)
        weight = sums[:, 3]
    assert mean is not None
    return mean.cpu().numpy(), weight.cpu().numpy()


def filled(cloud: Cloud, colors: Floats, weights: Floats) -> Floats:
    """``colors`` with those of points that no view saw, from the nearest points that some did."""
    unseen = weights <= 0
    if not unseen.any() or unseen.all():
        return colors
    seen = np.flatnonzero(~unseen)
    nearest = tree_of(cloud.positions[seen]).query(
        cloud.positions[unseen], k=min(_NEIGHBOURS, len(seen)), workers=-1
    )[1]
    result = colors.copy()
    result[unseen] = colors[seen[nearest.reshape(int(unseen.sum()), -1)]].mean(axis=1)
    return result


def _looked_up(
    points: Points, part: slice, camera: Camera, depth: Tensor, painting: Tensor
) -> tuple[Tensor, Tensor]:
    """Colours (n, 3) of a part of the points in a painting, and their weights (n,); 0 where hidden.

    The colour is interpolated between the four pixels around a point, without those that show the background
    or another surface.
    """
    positions, radii = points.positions[part], points.radii[part]
    x, y, far = projected(positions, camera)
    width, height = camera.width, camera.height
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1) & (far > camera.near)
    slack = thickness(far) + radii
    flat, nearest = painting.reshape(-1, 3), depth.reshape(-1)
    middle = y.round().clamp(0, height - 1).long() * width + x.round().clamp(0, width - 1).long()
    is_seen = inside & torch.isfinite(nearest[middle]) & (far <= nearest[middle] + slack)
    color, total = torch.zeros_like(positions), torch.zeros_like(far)
    for down in (0, 1):
        for right in (0, 1):
            column, row = x.floor() + right, y.floor() + down
            share = (1 - (x - column).abs()).clamp_min(0) * (1 - (y - row).abs()).clamp_min(0)
            place = row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
            share = torch.where((nearest[place] - far).abs() <= _STEEP * slack, share, 0.0)
            color += flat[place] * share[:, None]
            total += share
    direction = positions - torch.from_numpy(camera.position).to(positions)
    cosine = F.cosine_similarity(direction, points.normals[part]).abs()
    weight = (0.05 + cosine) ** 2 * (camera.focal / far.clamp_min(camera.near)) ** 2
    # strokes reach across outlines: a view in which a point lies farther from them is preferred
    lowest, highest = (limit.reshape(-1)[middle] for limit in _limits(depth))
    at_outline = (highest > far + _STEEP * slack) | (lowest < far - _STEEP * slack)
    weight = weight * total * torch.where(at_outline, _AT_OUTLINE, 1.0)
    return color / total.clamp_min(1e-6)[:, None], torch.where(is_seen, weight, 0.0)


def _limits(depth: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest depth (H, W) around each pixel."""
    around, padding = 2 * _OUTLINE + 1, _OUTLINE
    least = -F.max_pool2d(-depth[None, None], around, 1, padding)
    return least, F.max_pool2d(depth[None, None], around, 1, padding)
