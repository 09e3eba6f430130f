"""Cameras, and paths of them around a scene or inside of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vidstyle.errors import OptionError
from vidstyle.points.cloud import Floats
from vidstyle.points.settings import UPS

_OUTSIDE_ANGLE, _INSIDE_ANGLE = 45.0, 75.0  # degrees, of the view's shorter side
_DISTANCE = 1.1  # times that at which a ball around the scene fills the picture
_OUTSIDE_SWEEP, _INSIDE_SWEEP = (-35.0, 65.0), (-30.0, 30.0)  # degrees of elevation
_EXTENT = 0.95  # quantile of the distances from the middle: single points far away do not count


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera; pixel centres have whole coordinates."""

    position: Floats
    """(3,)"""
    rotation: Floats
    """(3, 3): its axes right, down and forward as rows."""
    focal: float  # px
    height: int  # px
    width: int  # px
    near: float
    """Least depth that is seen, in the unit of the scene."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a scene is and how large."""

    middle: tuple[float, float, float]
    radius: float


def shape_of(positions: Floats) -> Shape:
    """The middle of ``positions`` (N, 3), and the radius around it that holds almost all."""
    low, high = np.quantile(positions, [(1 - _EXTENT) / 2, (1 + _EXTENT) / 2], axis=0)
    middle = (low + high) / 2
    radius = float(np.quantile(np.linalg.norm(positions - middle, axis=1), _EXTENT))
    return Shape((float(middle[0]), float(middle[1]), float(middle[2])), max(radius, 1e-9))


def up_vector(name: str) -> Floats:
    """The direction called ``x`` … ``-z``; raises ``OptionError``."""
    if name not in UPS:
        raise OptionError(f"--up must be one of {', '.join(UPS)}, got {name!r}")
    vector = np.zeros(3, np.float32)
    vector["xyz".index(name[-1])] = -1 if name[0] == "-" else 1
    return vector


def path(
    shape: Shape,
    count: int,
    size: tuple[int, int],
    *,
    up: str = "y",
    is_inside: bool = False,
    turns: float = 2.0,
    is_closed: bool = False,
) -> list[Camera]:
    """``count`` cameras on a spiral that sees the scene from all sides.

    Args:
        shape: of the scene.
        size: height and width (px).
        up: the direction that is up: ``x`` … ``-z``.
        is_inside: whether the cameras stand near the middle and look outwards, as in a room.
        turns: around the scene.
        is_closed: whether the last camera leads on to the first, rather than from below to above.
    """
    above = up_vector(up)
    side = np.roll(above, 1) * np.sign(above.sum())
    front = np.cross(above, side)
    low, high = _INSIDE_SWEEP if is_inside else _OUTSIDE_SWEEP
    angle = math.radians(_INSIDE_ANGLE if is_inside else _OUTSIDE_ANGLE)
    focal = min(size) / 2 / math.tan(angle / 2)
    middle = np.array(shape.middle, np.float32)
    cameras = []
    for number in range(count):
        share = number / count if is_closed else number / max(1, count - 1)
        rise = 0.5 - 0.5 * math.cos(2 * math.pi * share) if is_closed else share
        elevation, azimuth = math.radians(low + (high - low) * rise), 2 * math.pi * turns * share
        level = math.cos(azimuth) * side + math.sin(azimuth) * front
        outward = math.cos(elevation) * level + math.sin(elevation) * above
        if is_inside:  # a little motion, so that near things are seen from more than one place
            position, forward = middle + 0.15 * shape.radius * level, outward
        else:
            position = middle + outward * _DISTANCE * shape.radius / math.sin(angle / 2)
            forward = -outward
        cameras.append(_camera(position, forward, above, focal, size, 0.02 * shape.radius))
    return cameras


def _camera(
    position: Floats, forward: Floats, above: Floats, focal: float, size: tuple[int, int], near: float
) -> Camera:
    right = np.cross(forward, above)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward]).astype(np.float32)
    return Camera(position.astype(np.float32), rotation, focal, *size, near)
