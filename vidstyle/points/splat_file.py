"""``.splat``: Gaussian splats of 32 bytes each, as web viewers read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidstyle.errors import InputError
from vidstyle.points.cloud import Cloud, Floats
from vidstyle.points.files import to_range

_SPLAT = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("color", "u1", 4), ("rotation", "u1", 4)])
_FAINT = 77  # of 255, opacity: fainter splats hide nothing


def read(path: Path) -> SplatFile:
    """Read a ``.splat``."""
    data = path.read_bytes()
    if len(data) % _SPLAT.itemsize:
        raise InputError(f"{path} has {len(data)} bytes, which is no multiple of {_SPLAT.itemsize}")
    return SplatFile(np.frombuffer(data, _SPLAT))


class SplatFile:
    """The records of a ``.splat``."""

    def __init__(self, splats: NDArray[np.void]) -> None:
        self._splats = splats
        color = splats["color"]
        radii = np.sort(np.abs(splats["scale"]), axis=1)[:, 1].astype(np.float32)
        colors = (color[:, :3] / 255).astype(np.float32)
        positions = splats["position"].astype(np.float32)
        self.cloud = Cloud(positions, colors, radii=radii, is_solid=color[:, 3] >= _FAINT)

    def with_colors(self, colors: Floats, *, kept: float) -> bytes:
        splats = self._splats.copy()
        splats["color"][:, :3] = to_range(colors, np.dtype(np.uint8), 255)
        return splats.tobytes()
