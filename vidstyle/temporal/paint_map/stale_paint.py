"""Old paint that differs from fresh paint of the same place in texture or colour."""

from __future__ import annotations

from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.paint_map.settings import MapLayout, MapSettings

_TEXTURE_SIGMA = 9.0  # px at 360 lines: wider than several strokes
_REGION_SIGMA = 8.0  # px at 360 lines: drops small regions and closes holes in large ones
_COLOR_SIGMA = 5.0  # px at 360 lines: wider than a stroke, since single strokes may differ
_VISIBLE = 1 / 255  # of the range: fresh paint with less texture is flat, and nothing is missing there


def differs_in_texture(
    raster: Raster[Plane, Picture], layout: MapLayout, settings: MapSettings, old: Picture, new: Picture
) -> Plane:
    """Where ``old`` paint has too little or too much texture compared with ``new`` paint.

    Both are of the frame's size; the result is bool, on the decision grid. Texture is the local mean of the
    absolute Laplacian of the luminance. Old paint has too little where resampling blurs it or the engine's
    painting has become finer since, and too much where a zoom out has shrunk its strokes.
    """
    before, now = (raster.texture(picture, *layout.decisions) for picture in (old, new))
    sigma = _TEXTURE_SIGMA * layout.scale
    before, now = raster.gaussian_blur(before, sigma), raster.gaussian_blur(now, sigma)
    is_unlike = ((before < settings.lost_texture * now) & (now > _VISIBLE)) | (
        now < settings.gained_texture * before
    )
    return raster.gaussian_blur(raster.to_float(is_unlike), _REGION_SIGMA * layout.scale) > 0.5


def ghosts(
    raster: Raster[Plane, Picture], layout: MapLayout, settings: MapSettings, old: Picture, new: Picture
) -> Plane:
    """Where the low-pass colours of ``old`` and ``new`` paint differ: bool, all on the decision grid.

    Engines vary colours between frames, too: a ghost of another object only where something has moved.
    """
    return raster.color_distance(old, new, _COLOR_SIGMA * layout.scale) > settings.ghost
