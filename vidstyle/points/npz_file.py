"""NPZ: arrays of positions and colours by name, among any others."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from vidstyle.errors import InputError
from vidstyle.flow.base import Array
from vidstyle.points.cloud import Cloud, Floats
from vidstyle.points.files import around_middle, from_range, largest_of, to_range

_POSITIONS = ("positions", "xyz", "points", "coords")
_COLORS = ("colors", "rgb", "colours", "color")


def read(path: Path) -> NpzFile:
    """Read an NPZ; no pickled objects are loaded."""
    if not zipfile.is_zipfile(path):  # which NumPy would take for a pickle
        raise InputError(f"{path} is no NPZ file")
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
        for name in filter(None, (positions, self._name)):
            if arrays[name].dtype.kind not in "uif":
                raise InputError(f"{path}: the array {name} must hold numbers, got {arrays[name].dtype}")
        given = None if self._name is None else arrays[self._name]
        self._largest = 255.0 if given is None else largest_of(given)
        colors = None if given is None else from_range(given, self._largest)
        self.cloud = Cloud(around_middle(arrays[positions]), colors)

    def with_colors(self, colors: Floats, *, kept: float) -> bytes:
        name = self._name or _COLORS[0]
        kind = self._arrays[name].dtype if self._name else np.dtype(np.uint8)
        stream = io.BytesIO()
        arrays: dict[str, Array] = {**self._arrays, name: to_range(colors, kind, self._largest)}
        # not by np.savez, to which an array called "file" would be an option
        with zipfile.ZipFile(stream, "w") as archive:
            for key, values in arrays.items():
                with archive.open(f"{key}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, values, allow_pickle=False)
        return stream.getvalue()
