"""LAS and LAZ: point clouds of laser scanners."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from vidstyle.errors import InputError
from vidstyle.flow.base import Array
from vidstyle.optional_imports import require
from vidstyle.points.cloud import Cloud, Floats
from vidstyle.points.files import around_middle, from_range, largest_of, to_range

_CHANNELS = ("red", "green", "blue")


class _Format(Protocol):
    id: int

    @property
    def dimension_names(self) -> Iterable[str]: ...


class _Las(Protocol):
    """A file as laspy reads it."""

    point_format: _Format
    x: Array
    y: Array
    z: Array

    def __getitem__(self, name: str) -> Array: ...

    def __setitem__(self, name: str, values: Array) -> None: ...

    def write(self, target: io.BytesIO, *, do_compress: bool) -> None: ...


def read(path: Path) -> LasFile:
    """Read a LAS, or a LAZ with lazrs."""
    return LasFile(require("laspy", "vidstyle points").read(str(path)), path)


class LasFile:
    """A LAS in a point format with colours (2, 3, 5, 7, 8, 10)."""

    def __init__(self, data: _Las, path: Path) -> None:
        self._data, self._is_packed = data, path.suffix.lower() == ".laz"
        if not set(_CHANNELS) <= set(data.point_format.dimension_names):
            kind = data.point_format.id
            raise InputError(f"{path} is of point format {kind}, without colours; convert it to 2 or 7 first")
        positions = np.stack([np.asarray(data.x), np.asarray(data.y), np.asarray(data.z)], axis=1)
        values = np.stack([np.asarray(data[name]) for name in _CHANNELS], axis=1)
        has_colors = bool(values.any())
        self._largest = largest_of(values) if has_colors else 65535.0  # some write 8 bits into these 16
        colors = from_range(values, self._largest) if has_colors else None
        self.cloud = Cloud(around_middle(positions), colors)

    def with_colors(self, colors: Floats, *, kept: float) -> bytes:
        for channel, name in enumerate(_CHANNELS):
            self._data[name] = to_range(colors[:, channel], np.dtype(np.uint16), self._largest)
        stream = io.BytesIO()
        self._data.write(stream, do_compress=self._is_packed)
        return stream.getvalue()
