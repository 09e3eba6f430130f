"""How much of the frame's structure a painting has, beside what fresh paint has of it."""

from __future__ import annotations

import numpy as np

from vidstyle.flow import affine
from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.paint_map.settings import Layout, MapSettings

_SMOOTH = 1.5  # px at 360 lines, Gaussian over the edges: a stroke need not lie on the pixel
_FLOOR = 1e-6  # variance of an edge map (range a px, squared) that grain and compression alone make
_SURE = 1e-5  # variance from which a place has edges to keep
_SPEED, _SHARE = 0.7, 0.002  # px at 360 lines, and of the width: motion that no error of the flow explains
_REACH = 5.0  # px at 360 lines, Gaussian: the surroundings of what moves count with it
_FIT = 16  # px of the decision grid to one at which the whole frame's motion is fitted
_AT_ONCE = 0.05  # of the correlation, by which less is expected of fresh paint than the last time
_MOVED = 0.2  # of the correlation: what half of the picture loses by motion and not by grain
_GRAIN = 6.0  # times what is lost beyond that, which grain can take from a single place
_FEW, _MANY = 0.25, 0.5  # share of the picture that moves on its own: up to which there is a ground, or none


def edges(raster: Raster[Plane, Picture], layout: Layout, picture: Picture) -> Plane:
    """Gradient magnitude of the luminance of a picture on the decision grid, smoothed."""
    across, down = raster.slope(raster.luminance(picture))
    return raster.blurred(raster.sqrt(across * across + down * down), _SMOOTH * layout.scale)


def correlation(
    raster: Raster[Plane, Picture], layout: Layout, settings: MapSettings, one: Plane, other: Plane
) -> tuple[Plane, Plane]:
    """Local correlation of two ``edges``, -1 to 1, and how sure it is, 0 (``one`` is flat there) to 1.

    Brightness and contrast do not change it. Computed at half the grid: the window is wider than that.
    """
    height, width = layout.decisions
    half = max(1, height // 2), max(1, width // 2)
    sigma = settings.window * layout.scale / 2

    def mean(plane: Plane) -> Plane:
        return raster.blurred(raster.resized(plane, *half), sigma)

    mean_one, mean_other = mean(one), mean(other)
    variance = mean(one * one) - mean_one * mean_one
    variance_other = raster.clip(mean(other * other) - mean_other * mean_other, _FLOOR, 1.0)
    product = mean(one * other) - mean_one * mean_other
    found = product / raster.sqrt(raster.clip(variance, _FLOOR, 1.0) * variance_other)
    sure = raster.clip(variance / _SURE, 0.0, 1.0)
    return raster.resized(found, height, width), raster.resized(sure, height, width)


def of_whole(
    raster: Raster[Plane, Picture], layout: Layout, settings: MapSettings, small: Picture, paint: Picture
) -> Plane:
    """Correlation of the edges of a whole painting with those of its frame, both on the decision grid."""
    now, painted = (edges(raster, layout, each) for each in (small, paint))
    return correlation(raster, layout, settings, now, painted)[0]


def lost(
    raster: Raster[Plane, Picture],
    layout: Layout,
    settings: MapSettings,
    small: Picture,
    sources: Picture,
    painting: Picture,
    fit: Plane,
    is_fresh: Plane,
    moving: Plane,
) -> tuple[Plane, Plane]:
    """The structure that fresh paint has, and how much less of it old paint has; correlations.

    Args:
        small: the frame on the decision grid.
        sources: the contents that the old paint was made for, where it lies now.
        painting: the old paint.
        fit: correlation of fresh paint with its frame, as far as it was known.
        is_fresh: where the old paint was fresh in the last frame: there it tells itself.
        moving: 1 at things that move on their own. On the ground no more is lost than some times what the
            content's own edges have lost: where it is what the paint was made for, a difference of two
            correlations is chance.
    """
    now, then, painted = (edges(raster, layout, each) for each in (small, sources, painting))
    found, sure = correlation(raster, layout, settings, now, painted)
    # not on moving things, whose paint would be blamed for their motion
    less = raster.chosen(found < fit - _AT_ONCE, fit - _AT_ONCE, found + 0)
    fit = raster.chosen(is_fresh & (moving < 0.5), less, fit)
    same, _ = correlation(raster, layout, settings, now, then)
    grain = _GRAIN * max(0.0, raster.median(1 - same[::4, ::4]) - _MOVED)
    most = settings.structure_changed * (1 - same - grain) + 2 * moving
    missing = fit - found
    return fit, raster.chosen(most < missing, most, missing) * sure


def losable(raster: Raster[Plane, Picture], settings: MapSettings, moving: Plane, fit: Plane) -> Plane:
    """How much may be lost: less on what moves, more where fresh paint hardly has any structure."""
    least = settings.structure_ground + (settings.structure - settings.structure_ground) * moving
    little = 1 - raster.clip(fit, 0.0, 1.0)
    for _ in range(3):
        little = little * little  # the eighth power: 0.06 at a correlation of 0.3, 0.004 at 0.5
    return least * (1 + settings.structure_loose * little)


def moving(raster: Raster[Plane, Picture], layout: Layout, motion: tuple[Plane, Plane]) -> Plane:
    """1 at things that move against the frame as a whole, and close around them, 0 on the ground.

    ``motion`` is the decision grid's, in its px. Where half of the picture moves on its own there is no
    ground to tell it from: 0 everywhere.
    """
    height, width = layout.decisions
    coarse = max(2, height // _FIT), max(2, width // _FIT)
    flow = np.dstack([raster.array(raster.resized(plane, *coarse)) for plane in motion])
    camera = affine.along(affine.affine(flow), height, width)
    x, y = (plane - raster.plane(camera[..., index]) for index, plane in enumerate(motion))
    limit = max(_SPEED * layout.scale, _SHARE * width)
    differs = x * x + y * y > limit * limit
    few = min(1.0, max(0.0, (_MANY - raster.mean(differs)) / (_MANY - _FEW)))
    return raster.clip(4 * raster.blurred(raster.floats(differs), _REACH * layout.scale), 0.0, 1.0) * few
