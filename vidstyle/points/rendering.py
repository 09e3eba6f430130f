"""Renders points: each is a disc that hides what is behind it, and discs that overlap are averaged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.points.cameras import Camera
from vidstyle.points.cloud import Cloud

_LARGEST = 12.0  # px, radius of a disc
_OVERLAP = 1.4  # discs are larger than the spacing by this factor, so that uneven points leave no holes
_CHUNK = 1 << 19  # points that are drawn at once
_THICK = 0.01  # of the depth: points less far behind the first one belong to the same surface


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """A cloud on the device where it is rendered."""

    positions: Tensor
    """(N, 3) float32"""
    radii: Tensor
    """(N,)"""
    normals: Tensor
    """(N, 3)"""
    is_solid: Tensor
    """(N,) bool"""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A scene as a camera sees it."""

    camera: Camera
    image: Tensor
    """(H, W, 3) in [0, 1]; ``background`` where nothing is."""
    depth: Tensor
    """(H, W); infinite where nothing is."""


def on_device(cloud: Cloud, device: torch.device) -> Points:
    """``cloud``, which is complete, on ``device``."""
    assert cloud.radii is not None and cloud.normals is not None
    solid = torch.ones(len(cloud), dtype=torch.bool)
    if cloud.is_solid is not None:
        solid = torch.from_numpy(cloud.is_solid.copy())
    tensors = (torch.from_numpy(part) for part in (cloud.positions, cloud.radii, cloud.normals))
    positions, radii, normals = (part.to(device, torch.float32) for part in tensors)
    return Points(positions, radii, normals, solid.to(device))


def projected(positions: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    """x and y (px) and depth of ``positions`` (N, 3)."""
    rotation = torch.from_numpy(camera.rotation).to(positions)
    seen = (positions - torch.from_numpy(camera.position).to(positions)) @ rotation.T
    depth = seen[:, 2]
    scale = camera.focal / depth.clamp_min(camera.near)
    return (
        seen[:, 0] * scale + (camera.width - 1) / 2,
        seen[:, 1] * scale + (camera.height - 1) / 2,
        depth,
    )


def thickness(depth: Tensor) -> Tensor:
    """How far behind a depth a point still belongs to the same surface."""
    return _THICK * depth


def render(points: Points, colors: Tensor, camera: Camera, background: Tensor) -> View:
    """``points`` with ``colors`` (N, 3) as ``camera`` sees them, before a ``background`` (3,)."""
    pixels = camera.height * camera.width
    device = colors.device
    nearest = torch.full((pixels,), torch.inf, device=device)
    chunks = [
        drawn
        for begin in range(0, len(colors), _CHUNK)
        if len((drawn := _drawn(points, colors, camera, slice(begin, begin + _CHUNK))).depth)
    ]
    for drawn in chunks:
        for disc in drawn.discs(camera):
            nearest.scatter_reduce_(0, disc.place, drawn.depth[disc.points], "amin")
    sums = torch.zeros((pixels, 5), device=device)
    for drawn in chunks:
        values = torch.cat([drawn.colors, drawn.depth[:, None], torch.ones_like(drawn.depth)[:, None]], dim=1)
        limit = drawn.depth - thickness(drawn.depth) - drawn.radii
        for disc in drawn.discs(camera):
            weight = disc.weight * (limit[disc.points] <= nearest[disc.place])
            sums.index_add_(0, disc.place, values[disc.points] * weight[:, None])
    total = sums[:, 4:]
    is_seen = total[:, 0] > 0
    mean = sums / total.clamp_min(1e-12)
    image = torch.where(is_seen[:, None], mean[:, :3], background)
    depth = torch.where(is_seen, mean[:, 3], torch.inf)
    shape = (camera.height, camera.width)
    return View(camera, image.view(*shape, 3).clamp(0, 1), depth.view(shape))


@dataclass(frozen=True, slots=True, eq=False)
class _Disc:
    """One of the pixels around each point, where its disc covers it."""

    points: Tensor
    """(n,) int64"""
    place: Tensor
    """(n,) int64, in the picture"""
    weight: Tensor
    """(n,)"""


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Points that a camera sees, on its picture, those of the largest discs first."""

    x: Tensor
    y: Tensor
    depth: Tensor
    size: Tensor
    """px, radii of the discs, falling"""
    radii: Tensor
    colors: Tensor

    def discs(self, camera: Camera) -> Iterator[_Disc]:
        """The pixels that the discs cover, one for each place in the largest."""
        if not len(self.size):
            return
        largest = int(self.size[0].ceil())
        column, row = self.x.round(), self.y.round()
        rising = self.size.flip(0).contiguous()
        for down in range(-largest, largest + 1):
            for right in range(-largest, largest + 1):
                # a pixel's centre is at most half a diagonal nearer to a point than to the point's own pixel
                least = math.hypot(down, right) - math.sqrt(0.5)
                count = len(rising) - int(torch.searchsorted(rising, least))
                if not count:
                    continue
                x, y = column[:count] + right, row[:count] + down
                square = (x - self.x[:count]) ** 2 + (y - self.y[:count]) ** 2
                inside = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
                if down or right:  # the pixel in which a point lies is always its own
                    inside &= square <= self.size[:count] ** 2
                points = inside.nonzero()[:, 0]
                weight = torch.exp(-2 * square[points] / (self.size[points] + 0.3) ** 2)
                yield _Disc(points, (y[points] * camera.width + x[points]).long(), weight)


def _drawn(points: Points, colors: Tensor, camera: Camera, part: slice) -> _Drawn:
    x, y, depth = projected(points.positions[part], camera)
    size = camera.focal * _OVERLAP * points.radii[part] / depth.clamp_min(camera.near)
    size = size.clamp(0.5, _LARGEST)
    kept = (depth > camera.near) & points.is_solid[part]
    kept &= (x > -size) & (x < camera.width - 1 + size) & (y > -size) & (y < camera.height - 1 + size)
    order = kept.nonzero()[:, 0]
    order = order[size[order].argsort(descending=True)]
    return _Drawn(
        x[order], y[order], depth[order], size[order], points.radii[part][order], colors[part][order]
    )
