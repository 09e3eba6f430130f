"""Small scenes that tests make: a textured ball over a textured plane."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from plyfile import PlyData, PlyElement

Floats = NDArray[np.float32]


def ball(count: int, *, seed: int = 5) -> tuple[Floats, Floats]:
    """Positions and colours (N, 3) of points on a ball of radius 1 with stripes."""
    chance = np.random.default_rng(seed)
    positions = chance.normal(size=(count, 3))
    positions /= np.linalg.norm(positions, axis=1, keepdims=True)
    return positions.astype(np.float32), _pattern(positions)


def plane(count: int, *, seed: int = 6) -> tuple[Floats, Floats]:
    """Positions and colours (N, 3) of points on a plane below the ball."""
    chance = np.random.default_rng(seed)
    across = chance.uniform(-2, 2, (count, 2))
    positions = np.stack([across[:, 0], np.full(count, -1.2), across[:, 1]], axis=1)
    return positions.astype(np.float32), _pattern(positions)


def scene(count: int) -> tuple[Floats, Floats]:
    """A ball over a plane, half of the points each."""
    parts = ball(count // 2), plane(count - count // 2)
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def write_ply(
    path: Path, count: int, *, is_text: bool = False, has_faces: bool = False, has_colors: bool = True
) -> Path:
    """Write ``scene(count)`` as a PLY with two further properties."""
    positions, colors = scene(count)
    kinds = [("x", "f4"), ("y", "f4"), ("z", "f4"), ("confidence", "f4")]
    kinds += [(name, "u1") for name in ("red", "green", "blue") if has_colors] + [("label", "i2")]
    vertices = np.zeros(count, kinds)
    for axis, name in enumerate("xyz"):
        vertices[name] = positions[:, axis]
    for channel, name in enumerate(("red", "green", "blue") if has_colors else ()):
        vertices[name] = (colors[:, channel] * 255).round()
    vertices["confidence"], vertices["label"] = np.linspace(0, 1, count), np.arange(count) % 7
    elements = [PlyElement.describe(vertices, "vertex", comments=["a scan"])]
    if has_faces:
        faces = np.empty(2, [("vertex_indices", "i4", (3,))])
        faces["vertex_indices"] = [[0, 1, 2], [2, 3, 4]]
        elements.append(PlyElement.describe(faces, "face"))
    PlyData(elements, text=is_text, comments=["made by a test"]).write(path)
    return path


def _pattern(positions: NDArray[np.float64]) -> Floats:
    """Smooth stripes, different in each channel."""
    phases = positions @ np.array([[3.0, 1.0, 0.5], [0.5, 2.5, 1.0], [1.0, 0.5, 4.0]])
    stripes: Floats = (0.5 + 0.4 * np.sin(phases)).astype(np.float32)
    return stripes
