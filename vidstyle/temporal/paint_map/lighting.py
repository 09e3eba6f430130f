"""Changes of lighting (fades, flashes, exposure): old paint is corrected for them, not repainted."""

from __future__ import annotations

from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.paint_map.settings import MapLayout

_LEAST = 0.02  # of the range: a smaller difference of regions is taken for motion, not for lighting
_CERTAIN = 0.04  # of the range: a difference beyond ``_LEAST`` from which lighting has certainly changed


def change(raster: Raster[Plane, Picture], layout: MapLayout, small: Picture, sources: Picture) -> Picture:
    """``small`` - ``sources`` averaged over large regions, -1 to 1; of the size of the lighting's grid.

    Both are on the decision grid: the frame, and the contents that its old paint was made for.
    """
    lines, columns = layout.light
    return raster.soft_threshold(
        raster.low_pass_difference(small, sources, lines, columns, lines / 4), _LEAST
    )


def brightening(raster: Raster[Plane, Picture], layout: MapLayout, small: Picture, before: Picture) -> Plane:
    """How fast the lighting changes since the last frame, 0 to 1; of the tone's size."""
    step = raster.luminance(small) - raster.luminance(before)
    coarse = raster.gaussian_blur(raster.resize(step, *layout.light), layout.light[0] / 4)
    return raster.resize(4 * raster.clip(abs(coarse) - _LEAST, 0.0, 1.0), *layout.tone)


def relit(raster: Raster[Plane, Picture], layout: MapLayout, sources: Picture, lit: Picture) -> Plane:
    """How certain a change of lighting is, 0 to 1, from ``sources`` to ``lit``, which is corrected for it.

    Of the tone's size.
    """
    step = abs(raster.luminance(lit) - raster.luminance(sources))
    return raster.clip(raster.resize(step, *layout.tone) / _CERTAIN, 0.0, 1.0)
