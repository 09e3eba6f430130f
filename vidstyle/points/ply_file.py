"""PLY: point clouds and meshes with colours of vertices, and 3D Gaussian splats."""

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

_COLORS = (
    ("red", "green", "blue"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
    ("r", "g", "b"),
)
_SPLATS = ("f_dc_0", "f_dc_1", "f_dc_2")
_CONSTANT = 0.28209479177387814  # the spherical harmonic of degree 0: 1 / (2·sqrt(pi))
_FAINT = 0.3  # opacity: fainter splats hide nothing


class _Element(Protocol):
    """An element as plyfile reads it."""

    name: str
    data: Array
    comments: list[str]
    properties: Iterable[_Property]


class _Property(Protocol):
    """A property as plyfile reads it; those of lists have two kinds of numbers."""

    name: str
    val_dtype: str


class _Data(Protocol):
    """A PLY as plyfile reads it."""

    elements: list[_Element]
    text: bool
    byte_order: str
    comments: list[str]
    obj_info: list[str]

    def __getitem__(self, name: str) -> _Element: ...


def read(path: Path) -> PlyFile:
    """Read a PLY, binary or text."""
    return PlyFile(require("plyfile", "vidstyle points").PlyData.read(str(path)), path)


class PlyFile:
    """A PLY with a vertex element; faces and all other elements are kept."""

    def __init__(self, data: _Data, path: Path) -> None:
        self._data = data
        if "vertex" not in [element.name for element in data.elements]:
            raise InputError(f"{path} has no element 'vertex', so no points")
        vertices = data["vertex"].data
        names = vertices.dtype.names or ()
        if missing := [name for name in ("x", "y", "z") if name not in names]:
            raise InputError(f"{path}: its vertices have no {', '.join(missing)}")
        positions = around_middle(np.stack([vertices[name] for name in "xyz"], axis=1))
        self._names = next((trio for trio in (_SPLATS, *_COLORS) if set(trio) <= set(names)), None)
        if self._names is None and (partial := [name for name in _COLORS[0] if name in names]):
            lacking = ", ".join(name for name in _COLORS[0] if name not in names)
            raise InputError(f"{path}: its vertices have {', '.join(partial)}, but no {lacking}")
        self._rest = [name for name in names if name.startswith("f_rest_")]
        self._largest, colors = 255.0, None
        if self._names is not None:
            given = np.stack([vertices[name] for name in self._names], axis=1)
            self._largest = 1.0 if self._is_splats else largest_of(given)
            colors = from_range(0.5 + _CONSTANT * given if self._is_splats else given, self._largest)
        normals = None
        if {"nx", "ny", "nz"} <= set(names):
            normals = _unit(np.stack([vertices[f"n{axis}"] for axis in "xyz"], axis=1).astype(np.float32))
        radii = is_solid = None
        if self._is_splats and {"scale_0", "scale_1", "scale_2", "opacity"} <= set(names):
            scales = np.exp(np.stack([vertices[f"scale_{axis}"] for axis in range(3)], axis=1))
            radii = np.sort(scales, axis=1)[:, 1].astype(np.float32)  # splats are mostly flat: the middle one
            is_solid = 1 / (1 + np.exp(-vertices["opacity"].astype(np.float32))) >= _FAINT
        self.cloud = Cloud(positions, colors, normals, radii, is_solid)

    @property
    def _is_splats(self) -> bool:
        return self._names == _SPLATS

    def with_colors(self, colors: Floats, *, kept: float) -> bytes:
        plyfile = require("plyfile", "vidstyle points")
        old = self._data["vertex"]
        vertices = old.data.copy()
        names = self._names
        if names is None:
            names = _COLORS[0]
            kinds = [(name, vertices.dtype[name]) for name in vertices.dtype.names or ()]
            wider = np.zeros(len(vertices), [*kinds, *((name, "u1") for name in names)])
            for name in vertices.dtype.names or ():
                wider[name] = vertices[name]
            vertices = wider
        values = (colors - 0.5) / _CONSTANT if self._is_splats else colors
        is_placed = np.isfinite(self.cloud.positions).all(axis=1)  # others stay as they are
        for channel, name in enumerate(names):
            vertices[name][is_placed] = to_range(
                values[is_placed, channel], vertices.dtype[name], self._largest
            )
        for name in self._rest:
            vertices[name][is_placed] *= kept
        lists = [item for item in old.properties if isinstance(item, plyfile.PlyListProperty)]
        vertex = plyfile.PlyElement.describe(
            vertices,
            "vertex",
            len_types={item.name: item.len_dtype for item in lists},
            val_types={item.name: item.val_dtype for item in lists},
            comments=old.comments,
        )
        elements = [vertex if element.name == "vertex" else element for element in self._data.elements]
        written = plyfile.PlyData(
            elements,
            text=self._data.text,
            byte_order=self._data.byte_order,
            comments=self._data.comments,
            obj_info=self._data.obj_info,
        )
        stream = io.BytesIO()
        written.write(stream)
        return stream.getvalue()


def _unit(normals: Floats) -> Floats | None:
    """``normals`` of length 1; None where some have no length, as splats' often."""
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or float(lengths.min(initial=np.inf)) < 1e-6:
        return None
    unit: Floats = normals / lengths
    return unit
