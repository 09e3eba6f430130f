"""A cloud of coloured points, and what follows from where its points lie: spacing and normals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vidstyle.optional_imports import require

Floats = NDArray[np.float32]

_NEIGHBOURS = 8
_CHUNK = 200_000  # points whose neighbours are handled at once
_FARTHEST = 8.0  # times the median spacing: points farther apart stand alone


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Points with colours."""

    positions: Floats
    """(N, 3), finite."""
    colors: Floats | None
    """(N, 3) RGB in [0, 1]; None: the file has none."""
    normals: Floats | None = None
    """(N, 3), of length 1, in any of the two directions."""
    radii: Floats | None = None
    """(N,), what a point covers, in the unit of the positions, where the file says so (splats)."""
    is_solid: NDArray[np.bool_] | None = None
    """(N,), which points hide what is behind them; None: all. Splats may be faint."""

    def __len__(self) -> int:
        return len(self.positions)

    def __repr__(self) -> str:
        return f"Cloud({len(self)} points{'' if self.colors is not None else ', no colours'})"


class Tree(Protocol):
    """Finds the nearest of many points."""

    def query(self, positions: Floats, k: int, workers: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Distances and places (n, k) of the ``k`` points nearest to each of ``positions``."""
        ...


def tree_of(positions: Floats) -> Tree:
    """A k-d tree of ``positions`` (N, 3)."""
    made: Tree = require("scipy.spatial", "vidstyle points").cKDTree(positions, balanced_tree=False)
    return made


def completed(cloud: Cloud) -> Cloud:
    """``cloud`` with normals, radii and colours: what the file lacks is found from the points around each.

    Normals are those of the plane through eight neighbours, radii the mean distance to them. Where there are
    no colours, points are grey, lit along their normals from above and from the side.
    """
    normals, radii = cloud.normals, cloud.radii
    if normals is None or radii is None:
        fitted, spacing = _fitted(cloud.positions)
        normals = fitted if normals is None else normals
        radii = spacing if radii is None else radii
    colors = cloud.colors
    if colors is None:
        light = np.array([0.4, 0.8, 0.45], np.float32)
        lit = 0.2 + 0.7 * np.abs(normals @ (light / np.linalg.norm(light)))
        colors = np.repeat(lit[:, None], 3, axis=1).astype(np.float32)
    return replace(cloud, normals=normals, radii=radii, colors=colors)


def _fitted(positions: Floats) -> tuple[Floats, Floats]:
    """Normals (N, 3) and spacing (N,) of all points."""
    count = min(_NEIGHBOURS + 1, len(positions))
    tree = tree_of(positions)
    normals = np.empty_like(positions)
    spacing = np.empty(len(positions), np.float32)
    for begin in range(0, len(positions), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        distances, indices = tree.query(positions[part], k=count, workers=-1)
        spacing[part] = distances[:, 1:].mean(axis=1)
        around = positions[indices].astype(np.float64)
        centred = around - around.mean(axis=1, keepdims=True)
        covariances = np.einsum("nki,nkj->nij", centred, centred)
        normals[part] = np.linalg.eigh(covariances)[1][:, :, 0]
    middle = float(np.median(spacing))
    return normals, np.clip(spacing, 0.25 * middle, _FARTHEST * middle)
