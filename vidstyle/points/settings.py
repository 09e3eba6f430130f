"""The options of painting a scene."""

from __future__ import annotations

from dataclasses import dataclass

from vidstyle.options import Checked, option
from vidstyle.options.converters import as_integer, as_number, as_switch

UPS = ("x", "y", "z", "-x", "-y", "-z")
WAYS = ("views", "points")


@dataclass(frozen=True, slots=True)
class SceneOptions(Checked):
    """How a scene is painted."""

    way: str = option(
        "views",
        "views: paint a flight around the scene, with any engine, and fuse it; points: run wct on the cloud",
        choices=WAYS,
    )
    up: str = option("y", "the direction that is up", choices=UPS)
    inside: bool = option(False, "look outwards from the middle, as in a room", parse=as_switch)
    views: int = option(
        64, "views that are painted, on a path around the scene", low=2, metavar="N", parse=as_integer
    )
    view_size: int = option(
        432,
        "short side of the views: the smaller, the larger strokes are",
        low=64,
        high=432,
        metavar="PX",
        parse=as_integer,
    )
    voxel: float | None = option(
        None,
        "size of a voxel for --way points, in the unit of the scene (by the number of points if not given)",
        low=1e-9,
        metavar="X",
        parse=as_number,
    )
    orbit_seconds: float = option(
        8.0, "length of the film that --orbit writes", low=0.1, metavar="S", parse=as_number
    )
    orbit_size: int = option(
        540, "short side of the film that --orbit writes", low=64, metavar="PX", parse=as_integer
    )
    overwrite: bool = option(False, "replace existing results", parse=as_switch)
