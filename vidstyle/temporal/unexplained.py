"""Where the estimated motion does not explain a frame: a thin thing moved, and the search missed it."""

from __future__ import annotations

from vidstyle.temporal.mapsettings import Layout, MapSettings
from vidstyle.temporal.raster import Picture, Plane, Raster

_LEAST_AREA = 0.3  # of a Gaussian window of _REACH: what is smaller is grain, or an edge off by half a pixel
_REACH = 2.0  # px at 360 lines, Gaussian
_FEW = 0.02  # of the picture: leaves in the wind and a shaking camera are missed everywhere, and hide it


def unexplained(
    raster: Raster,
    layout: Layout,
    settings: MapSettings,
    small: Picture,
    before: Picture,
    x: Plane,
    y: Plane,
    texture: Plane,
    noise: float,
) -> Plane:
    """Where the last frame, warped to this one, still differs: bool, on the decision grid, in patches.

    False everywhere where much of the picture differs: there a doubled stroke is lost among others.

    Args:
        small: the frame on the decision grid.
        before: the frame before, on the same grid.
        x: where each pixel was in it, px of the grid.
        y: the same, downwards.
        texture: local contrast of the frame, 0 to 1; an edge that is off by a little differs by so much.
        noise: by how much pixels differ that are equal but for grain.
    """
    differs = raster.difference(small, raster.warped(before, x, y), layout.scale)
    limit = settings.missed + settings.missed_texture * texture + noise
    found = raster.blurred(raster.floats(differs > limit), _REACH * layout.scale) > _LEAST_AREA
    return found & (raster.mean(raster.floats(found)) < _FEW)
