"""Where the estimated motion does not explain a frame, as when a thin object moves and the flow misses it."""

from __future__ import annotations

from math import inf

from vidstyle.temporal.backends.base import Number, Picture, Plane, Raster, limited
from vidstyle.temporal.paint_map.settings import MapLayout, MapSettings

_SIGMA = 2.0  # px at 360 lines: Gaussian window of a patch
_LEAST_AREA = 0.3  # of that window: smaller patches are grain, or an edge that is off by half a pixel
_LARGEST_SHARE = 0.02  # of the picture: if more is missed, as leaves in the wind are, the limit grows


def unexplained(
    raster: Raster[Plane, Picture],
    layout: MapLayout,
    settings: MapSettings,
    small: Picture,
    before: Picture,
    x: Plane,
    y: Plane,
    is_inside: Plane,
    texture: Plane,
    noise: Number,
) -> Plane:
    """Where the last frame, warped to this one, still differs: bool, on the decision grid, in patches.

    The limit grows with the share of the picture that differs: single doubled strokes are not seen then.

    Args:
        small: the frame on the decision grid.
        before: the last frame, on the same grid.
        x: each pixel's x in the last frame, px of the grid.
        y: its y there.
        is_inside: where (x, y) is inside of the frame.
        texture: local contrast of the frame, 0 to 1, about which a slightly misplaced edge differs.
        noise: difference (0 to 1) that grain makes.
    """
    differs = raster.color_distance(small, raster.warp(before, x, y), layout.scale)
    limit = settings.missed + settings.missed_texture * texture + 2 * noise
    is_missed = _patches(raster, layout, (differs > limit) & is_inside)
    share = raster.mean(raster.to_float(is_missed))
    if isinstance(share, float) and share <= _LARGEST_SHARE:
        return is_missed
    growth = limited(share / _LARGEST_SHARE, 1.0, inf)
    return _patches(raster, layout, (differs > growth * limit) & is_inside)


def _patches(raster: Raster[Plane, Picture], layout: MapLayout, mask: Plane) -> Plane:
    return raster.gaussian_blur(raster.to_float(mask), max(1.0, _SIGMA * layout.scale)) > _LEAST_AREA
