"""Where the estimated motion does not explain a frame: a thin thing moved, and the search missed it."""

from __future__ import annotations

from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.paint_map.settings import Layout, MapSettings

_LEAST_AREA = 0.3  # of a Gaussian window of _REACH: what is smaller is grain, or an edge off by half a pixel
_REACH = 2.0  # px at 360 lines, Gaussian
_FEW = 0.02  # of the picture: where more is missed (leaves in the wind), only what is plainer than the rest


def unexplained(
    raster: Raster[Plane, Picture],
    layout: Layout,
    settings: MapSettings,
    small: Picture,
    before: Picture,
    x: Plane,
    y: Plane,
    is_inside: Plane,
    texture: Plane,
    noise: float,
) -> Plane:
    """Where the last frame, warped to this one, still differs: bool, on the decision grid, in patches.

    The more of the picture differs, the more a place must to be told: a doubled stroke is lost among others.

    Args:
        small: the frame on the decision grid.
        before: the frame before, on the same grid.
        x: where each pixel was in it, px of the grid.
        y: the same, downwards.
        is_inside: where that was inside of the frame; what comes in is no motion missed.
        texture: local contrast of the frame, 0 to 1; an edge that is off by a little differs by so much.
        noise: by how much pixels differ that are equal but for grain.
    """
    differs = raster.difference(small, raster.warped(before, x, y), layout.scale)
    limit = settings.missed + settings.missed_texture * texture + 2 * noise
    found = _patches(raster, layout, (differs > limit) & is_inside)
    share = raster.mean(raster.floats(found))
    return found if share <= _FEW else _patches(raster, layout, (differs > share / _FEW * limit) & is_inside)


def _patches(raster: Raster[Plane, Picture], layout: Layout, mask: Plane) -> Plane:
    return raster.blurred(raster.floats(mask), max(1.0, _REACH * layout.scale)) > _LEAST_AREA
