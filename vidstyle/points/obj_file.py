"""Wavefront OBJ with colours of vertices: lines ``v x y z r g b``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vidstyle.errors import InputError
from vidstyle.points.cloud import Cloud, Floats
from vidstyle.points.files import around_middle, from_range, largest_of


def read(path: Path) -> ObjFile:
    """Read an OBJ; colours of vertices are an extension that most programs know."""
    return ObjFile(path.read_bytes().splitlines(keepends=True), path)


class ObjFile:
    """The lines of an OBJ: those that begin with ``v`` get new colours, all others stay as they are."""

    def __init__(self, lines: list[bytes], path: Path) -> None:
        self._lines = lines
        self._places = [place for place, line in enumerate(lines) if line.split(None, 1)[:1] == [b"v"]]
        fields = [lines[place].split() for place in self._places]
        if any(len(parts) < 4 for parts in fields):
            raise InputError(f"{path} has a vertex without x, y and z")
        positions = np.array([[float(value) for value in parts[1:4]] for parts in fields])
        self._largest, colors = 1.0, None
        if fields and all(len(parts) >= 7 for parts in fields):
            colors = np.array([[float(value) for value in parts[4:7]] for parts in fields], np.float32)
            self._largest = largest_of(colors)
            colors = from_range(colors, self._largest)
        self.cloud = Cloud(around_middle(positions.reshape(-1, 3)), colors)

    def with_colors(self, colors: Floats, *, kept: float) -> bytes:
        lines = list(self._lines)
        for place, color in zip(self._places, colors, strict=True):
            parts = lines[place].split()
            # a fourth coordinate, x y z w, cannot stand beside a colour
            new = b" ".join(
                [*parts[:4], *(f"{value * self._largest:.6f}".encode() for value in color), *parts[7:]]
            )
            ending = lines[place][len(lines[place].rstrip(b"\r\n")) :]
            lines[place] = new + ending
        return b"".join(lines)
