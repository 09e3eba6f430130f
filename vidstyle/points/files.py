"""Files of scenes: which kinds there are, and how each is read and written back with new colours."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from vidstyle.atomic_write import pending_file, writing
from vidstyle.errors import InputError, VidstyleError
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
_BEYOND = 2.0  # floats up to this are of [0, 1], and somewhat brighter than it by a program's error
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
        raise InputError(f"{path}: colours must be {positions.shape}, as positions are, got {colors.shape}")
    return scene


@contextmanager
def pending_scene(
    scene: SceneFile, target: Path, colors: Floats, *, kept: float
) -> Generator[Callable[[], None], None, None]:
    """Write ``scene`` with ``colors`` (N, 3) in [0, 1]; it appears at ``target`` when the block calls for it.

    If the block raises, ``target`` is as it was before. Raises ``OutputError`` if it cannot be written.
    """
    data = scene.with_colors(np.clip(colors, 0, 1).astype(np.float32), kept=kept)
    with ExitStack() as stack:
        with writing(target):
            move = stack.enter_context(pending_file(target, data))

        def appear() -> None:
            with writing(target):
                move()

        yield appear


def around_middle(positions: Array) -> Floats:
    """``positions`` (N, 3) as floats around the middle of those that are finite.

    Surveys count metres from an origin far away: in 32 bits the north of a town has steps of half a metre.
    """
    exact = positions.astype(np.float64)
    if exact.shape[1:] != (3,):  # which ``read_scene`` refuses
        return exact.astype(np.float32)
    finite = exact[np.isfinite(exact).all(axis=1)]
    middle = np.median(finite, axis=0) if len(finite) else 0.0
    return (exact - middle).astype(np.float32)


def largest_of(values: Array) -> float:
    """The value that stands for full colour among ``values``, by their type and their size.

    Bytes use their whole range. Floats are of [0, 1], but some programs write them, and wider integers too,
    as levels of 255 or 65,535.
    """
    if values.dtype == np.uint8:
        return 255.0
    known = values[np.isfinite(values)]
    most = float(known.max(initial=0))
    if np.issubdtype(values.dtype, np.floating) and most <= _BEYOND:
        return 1.0
    return 255.0 if most <= 255 else 65535.0


def to_range(colors: Floats, dtype: np.dtype[np.generic], largest: float) -> Array:
    """``colors`` in [0, 1] as ``dtype``, of which ``largest`` is full colour."""
    values = colors.astype(np.float64) * largest
    return (values if np.issubdtype(dtype, np.floating) else np.rint(values)).astype(dtype)


def from_range(values: Array, largest: float) -> Floats:
    """Colours as floats in [0, 1], whatever lies beyond; the inverse of ``to_range``."""
    scaled: Floats = np.nan_to_num(values / largest, nan=0.0).clip(0, 1).astype(np.float32)
    return scaled
