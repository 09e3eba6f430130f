"""Paint that no longer is what an engine would paint there: told by fresh paint in its place."""

from __future__ import annotations

from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.paint_map.settings import Layout, MapSettings

_AROUND = 9.0  # px at 360 lines, Gaussian: texture is a matter of several strokes
_LEAST = 8.0  # px at 360 lines, Gaussian: smaller places are left as they are, and what remains is whole
_COARSE = 5.0  # px at 360 lines, Gaussian: strokes of one thing are allowed to differ
_VISIBLE = 1 / 255  # of the range: paint with less texture is even, and may be


def worn(
    raster: Raster[Plane, Picture], layout: Layout, settings: MapSettings, old: Picture, fresh: Picture
) -> Plane:
    """Where ``old`` paint has too little or too much texture beside ``fresh`` paint.

    A bool plane on the decision grid. Texture is the mean absolute Laplacian of the luminance. Paint loses it
    when strokes are smeared, and when what the engine paints of a place becomes finer while the old paint
    stays; it gains some where strokes shrink.
    """
    before, now = (raster.texture(picture, *layout.decisions) for picture in (old, fresh))
    sigma = _AROUND * layout.scale
    before, now = raster.blurred(before, sigma), raster.blurred(now, sigma)
    is_worn = ((before < settings.worn * now) & (now > _VISIBLE)) | (now < settings.crisp * before)
    return raster.blurred(raster.floats(is_worn), _LEAST * layout.scale) > 0.5


def ghosts(
    raster: Raster[Plane, Picture], layout: Layout, settings: MapSettings, old: Picture, fresh: Picture
) -> Plane:
    """Where the coarse colours of ``old`` paint are not those of ``fresh`` paint: another thing's, perhaps.

    Both on the decision grid, as is the bool plane. Engines change their mind about colours, too, so this
    tells only where something has moved.
    """
    return raster.difference(old, fresh, _COARSE * layout.scale) > settings.ghost
