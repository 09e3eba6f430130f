"""Changes of light: fades, flashes, exposure, the sun. Old paint follows them and is not blamed for them."""

from __future__ import annotations

from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.paint_map.settings import Layout

_STEADY = 0.02  # of the range: less is no change of light, but something that has moved
_RELIT = 0.04  # of the range, beyond what is steady: light that has changed for certain


def change(raster: Raster[Plane, Picture], layout: Layout, small: Picture, sources: Picture) -> Picture:
    """How much brighter each large region of the content ``small`` is than that which was painted."""
    lines, columns = layout.light
    return raster.softened(raster.coarse(small, sources, lines, columns, lines / 4), _STEADY)


def brightening(raster: Raster[Plane, Picture], layout: Layout, small: Picture, before: Picture) -> Plane:
    """A fast change of light since the last frame, 0 to 1, which old paint must follow; the tone's size."""
    step = raster.luminance(small) - raster.luminance(before)
    coarse = raster.blurred(raster.resized(step, *layout.light), layout.light[0] / 4)
    return raster.resized(4 * raster.clip(abs(coarse) - _STEADY, 0.0, 1.0), *layout.tone)


def relit(raster: Raster[Plane, Picture], layout: Layout, sources: Picture, lit: Picture) -> Plane:
    """Where contents ``sources`` had to be ``lit`` otherwise to be compared, 0 to 1; the tone's size."""
    step = abs(raster.luminance(lit) - raster.luminance(sources))
    return raster.clip(raster.resized(step, *layout.tone) / _RELIT, 0.0, 1.0)
