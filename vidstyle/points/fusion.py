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
    """Colours (n, 3) of a part of the points in a painting, and their weights (n,); 0 where hidden."""
    positions = points.positions[part]
    x, y, far = projected(positions, camera)
    grid = torch.stack([2 * x / max(1, camera.width - 1) - 1, 2 * y / max(1, camera.height - 1) - 1], dim=-1)
    inside = (grid.abs() <= 1).all(dim=1) & (far > camera.near)
    values = torch.cat([painting, depth.nan_to_num(posinf=0.0)[..., None]], dim=-1)
    sampled = _sampled(values[..., :3], grid, "bilinear")
    surface = _sampled(values[..., 3:], grid, "nearest")[:, 0]
    is_seen = inside & (far <= surface + thickness(far) + points.radii[part])
    direction = positions - torch.from_numpy(camera.position).to(positions)
    cosine = F.cosine_similarity(direction, points.normals[part]).abs()
    weight = (0.05 + cosine) ** 2 * (camera.focal / far.clamp_min(camera.near)) ** 2
    return sampled, torch.where(is_seen, weight, 0.0)


def _sampled(values: Tensor, grid: Tensor, mode: str) -> Tensor:
    """``values`` (H, W, C) at ``grid`` (n, 2) in [-1, 1], as (n, C)."""
    found = F.grid_sample(
        values.permute(2, 0, 1)[None],
        grid[None, :, None],
        mode=mode,
        padding_mode="border",
        align_corners=True,
    )
    return found[0, :, :, 0].T
