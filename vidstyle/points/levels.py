"""A cloud as the levels of a network: voxels, the nine neighbours of each, and the voxel above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.points.cloud import Cloud, Floats, tree_of

_CANDIDATES = 20  # nearest voxels among which neighbours are looked for
_REACH = 0.8  # voxels: a neighbour is at most this far from its place in the tangent plane
_CHUNK = 100_000  # voxels that are handled at once
_MIRRORED = ([2, 1, 0, 5, 4, 3, 8, 7, 6], [6, 7, 8, 3, 4, 5, 0, 1, 2], [8, 7, 6, 5, 4, 3, 2, 1, 0])
"""The places of a kernel mirrored across, up and down, and both."""
_FLAT = 0.2  # length of "up" in the tangent plane below which the surface counts as horizontal

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Voxels of one size."""

    neighbours: Tensor
    """(n, 9) int64: the voxel at each place of a 3x3 kernel, row by row; the middle is the voxel itself."""
    parents: Tensor
    """(n,) int64: the voxel of the next level that it is in; empty for the last level."""


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """Levels of voxels, each twice as large as those of the level before."""

    levels: list[Level]
    voxels: Indices
    """(N,): the voxel of the first level in which each point is."""
    positions: Floats
    """(n, 3) of the first level: the mean of the points of each voxel."""
    colors: Tensor
    """(n, 3) of the first level."""


def pyramid(cloud: Cloud, size: float, count: int, up: Floats) -> Pyramid:
    """``count`` levels of ``cloud``, which is complete, with voxels of ``size`` in the first."""
    assert cloud.normals is not None and cloud.colors is not None
    voxels, positions = _voxels(cloud.positions, size)
    colors = _means(cloud.colors, voxels, len(positions))
    first = positions
    normals = _mean_normals(cloud.normals, voxels, len(positions))
    levels = []
    for number in range(count):
        side = size * 2**number
        neighbours = torch.from_numpy(_neighbours(positions, normals, side, up))
        parents: Indices = np.empty(0, np.int64)
        if number + 1 < count:
            parents, following = _voxels(positions, 2 * side)
            normals = _mean_normals(normals, parents, len(following))
            positions = following
        levels.append(Level(neighbours, torch.from_numpy(parents)))
    return Pyramid(levels, voxels, first, torch.from_numpy(colors))


def _voxels(positions: Floats, size: float) -> tuple[Indices, Floats]:
    """The voxel (N,) of each point, and the mean position (n, 3) in each voxel."""
    exact = positions.astype(np.float64)  # a single point far away leaves few digits for the others
    cells = np.floor((exact - exact.min(axis=0)) / size).astype(np.int64)
    spans = cells.max(axis=0) + 1
    keys = (cells[:, 0] * spans[1] + cells[:, 1]) * spans[2] + cells[:, 2]
    occupied, voxels = np.unique(keys, return_inverse=True)
    voxels = voxels.reshape(-1).astype(np.int64)
    return voxels, _means(positions, voxels, len(occupied))


def _means(values: Floats, voxels: Indices, count: int) -> Floats:
    """The mean (n, C) of ``values`` (N, C) in each voxel."""
    number = np.bincount(voxels, minlength=count)
    columns = [np.bincount(voxels, column, minlength=count) / number for column in values.T]
    return np.stack(columns, axis=1).astype(np.float32)


def _mean_normals(normals: Floats, voxels: Indices, count: int) -> Floats:
    """The mean direction (n, 3) of ``normals`` in each voxel, whichever way each of them points."""
    order = np.argsort(voxels, kind="stable")
    first = order[np.searchsorted(voxels[order], np.arange(count))]
    sign = np.sign((normals * normals[first][voxels]).sum(axis=1, keepdims=True))
    mean = _means((normals * np.where(sign == 0, 1, sign)).astype(np.float32), voxels, count)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    result: Floats = np.where(length > 1e-6, mean / np.maximum(length, 1e-6), normals[first])
    return result.astype(np.float32)


def _neighbours(positions: Floats, normals: Floats, side: float, up: Floats) -> Indices:
    """(n, 9): the voxel nearest to each place of a 3x3 grid in the tangent plane, of spacing ``side``.

    Where no voxel is, at a border or in a hole, the one at the mirrored place is taken, as padding by
    reflection does, or else the voxel itself.
    """
    tree = tree_of(positions)
    count = min(_CANDIDATES, len(positions))
    places = np.array([(right, down) for down in (-1, 0, 1) for right in (-1, 0, 1)], np.float32)
    result = np.empty((len(positions), 9), np.int64)
    for begin in range(0, len(positions), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        indices = tree.query(positions[part], k=count, workers=-1)[1].reshape(-1, count)
        right, down = _tangents(normals[part], up)
        offsets = (positions[indices] - positions[part, None]) / np.float32(side)
        flat = np.stack(
            [np.einsum("nkc,nc->nk", offsets, right), np.einsum("nkc,nc->nk", offsets, down)], axis=-1
        )
        height = np.linalg.norm(offsets, axis=-1) ** 2 - (flat**2).sum(axis=-1)
        own = np.arange(begin, begin + len(indices))
        for place, target in enumerate(places):
            # what lies off the plane is another surface, and counts as farther
            distance = np.sqrt(((flat - target) ** 2).sum(axis=-1) + np.maximum(height, 0))
            nearest = distance.argmin(axis=1)
            is_near = distance[np.arange(len(indices)), nearest] <= _REACH
            chosen = indices[np.arange(len(indices)), nearest]
            result[part, place] = np.where(is_near, chosen, -1)
        result[part, 4] = own
        found = result[part].copy()
        for mirrored in _MIRRORED:
            result[part] = np.where(result[part] < 0, found[:, mirrored], result[part])
        result[part] = np.where(result[part] < 0, own[:, None], result[part])
    return result


def _tangents(normals: Floats, up: Floats) -> tuple[Floats, Floats]:
    """Directions right and down (n, 3) in the tangent planes: down is opposite to ``up`` as far as it can be.

    On horizontal surfaces, where no direction is, down is one that is the same everywhere.
    """
    other = np.roll(up, 1)
    flat = up - (normals @ up)[:, None] * normals
    level = other - (normals @ other)[:, None] * normals
    is_steep = np.linalg.norm(flat, axis=1, keepdims=True) > _FLAT
    down = -np.where(is_steep, flat, level)
    down /= np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-9)
    right = np.cross(normals, down)
    # normals point either way; right must not depend on that, or strokes would be mirrored at random
    side = np.cross(up, other)
    sign = np.where(right @ (side + 0.5 * other) < 0, -1.0, 1.0)[:, None]
    return (right * sign).astype(np.float32), down.astype(np.float32)
