"""NPZ: arrays of positions and colours by name, among any others."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from vidstyle.errors import InputError
from vidstyle.flow.base import Array
from vidstyle.points.cloud import Cloud, Floats
from vidstyle.points.files import as_integers, from_integers

_POSITIONS = ("positions", "xyz", "points", "coords")
_COLORS = ("colors", "rgb", "colours", "color")


def read(path: Path) -> NpzFile:
    """Read an NPZ; no pickled objects are loaded."""
    with np.load(path, allow_pickle=False) as file:
        return NpzFile({name: file[name] for name in file.files}, path)


class NpzFile:
    """All arrays of an NPZ."""

    def __init__(self, arrays: dict[str, Array], path: Path) -> None:
        self._arrays = arrays
        positions = next((name for name in _POSITIONS if name in arrays), None)
        if positions is None:
            raise InputError(f"{path} has no array called {', '.join(_POSITIONS[:-1])} or {_POSITIONS[-1]}")
        self._name = next((name for name in _COLORS if name in arrays), None)
        colors = None if self._name is None else from_integers(arrays[self._name]).clip(0, 1)
        self.cloud = Cloud(arrays[positions].astype(np.float32), colors)

    def with_colors(self, colors: Floats, *, kept: float) -> bytes:
        name = self._name or _COLORS[0]
        kind = self._arrays[name].dtype if self._name else np.dtype(np.uint8)
        stream = io.BytesIO()
        arrays: dict[str, Array] = {**self._arrays, name: as_integers(colors, kind)}
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # its stubs take keywords for options
        return stream.getvalue()
