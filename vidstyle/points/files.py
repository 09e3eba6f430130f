"""Files of scenes: which kinds there are, and how each is read and written back with new colours."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from vidstyle.atomic_write import write_atomically
from vidstyle.errors import InputError, OutputError, VidstyleError
from vidstyle.flow.base import Array
from vidstyle.points.cloud import Cloud, Floats

KINDS = {  # suffix -> function that reads a file of that kind
    ".ply": "vidstyle.points.ply_file:read",
    ".obj": "vidstyle.points.obj_file:read",
    ".npz": "vidstyle.points.npz_file:read",
    ".las": "vidstyle.points.las_file:read",
    ".laz": "vidstyle.points.las_file:read",
    ".splat": "vidstyle.points.splat_file:read",
}
_FEWEST = 16  # points: fewer have no surface


class SceneFile(Protocol):
    """A file that was read, with all that it holds."""

    cloud: Cloud
    """Its points; positions may be infinite or not numbers."""

    def with_colors(self, colors: Floats, *, kept: float) -> bytes:
        """The file's bytes with ``colors`` (N, 3) in [0, 1], and all else as it was.

        ``kept`` is the share of what changes with the direction of view that stays (splats).
        """
        ...


def read_scene(path: Path) -> SceneFile:
    """Read a scene; raises ``InputError`` in one line for what cannot be painted."""
    place = KINDS.get(path.suffix.lower())
    if place is None:
        raise InputError(f"{path} is no kind of scene that vidstyle reads; there are: {', '.join(KINDS)}")
    if not path.is_file():
        raise InputError(f"no file {path}")
    module, _, name = place.partition(":")
    read = cast("Callable[[Path], SceneFile]", getattr(importlib.import_module(module), name))
    try:
        scene = read(path)
    except VidstyleError:
        raise
    except Exception as error:  # each library has errors of its own
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{path} cannot be read as {path.suffix.lower()[1:]} ({reason[:200]})") from error
    positions, colors = scene.cloud.positions, scene.cloud.colors
    if positions.ndim != 2 or positions.shape[1:] != (3,):
        raise InputError(f"{path}: positions must be (N, 3), got {positions.shape}")
    finite = int(np.isfinite(positions).all(axis=1).sum())
    if finite < _FEWEST:
        raise InputError(f"{path} has {finite} points; a scene needs {_FEWEST} or more")
    if colors is not None and colors.shape != positions.shape:
        raise InputError(f"{path}: there are {len(positions)} positions and {len(colors)} colours")
    return scene


def write_scene(scene: SceneFile, target: Path, colors: Floats, *, kept: float) -> None:
    """Write ``scene`` to ``target`` with ``colors`` (N, 3) in [0, 1]; raises ``OutputError``."""
    data = scene.with_colors(np.clip(colors, 0, 1).astype(np.float32), kept=kept)
    try:
        write_atomically(target, data)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


def as_integers(colors: Floats, dtype: np.dtype[np.generic]) -> Array:
    """``colors`` in [0, 1] as ``dtype``: integers over their whole range, floats as they are."""
    if np.issubdtype(dtype, np.floating):
        return colors.astype(dtype)
    largest = np.iinfo(str(dtype)).max
    return np.rint(colors.astype(np.float64) * largest).astype(dtype)


def from_integers(values: Array) -> Floats:
    """Colours as floats in [0, 1]; the inverse of ``as_integers``."""
    if np.issubdtype(values.dtype, np.floating):
        return values.astype(np.float32)
    scaled: Floats = (values / float(np.iinfo(values.dtype).max)).astype(np.float32)
    return scaled
