"""How well the edges of a painting match those of its frame, compared with fresh paint."""

from __future__ import annotations

from math import inf

from vidstyle.temporal.backends.base import Picture, Plane, Raster, limited
from vidstyle.temporal.paint_map.settings import MapLayout, MapSettings

_EDGE_SIGMA = 1.5  # px at 360 lines: strokes follow edges only within this
_NOISE_VARIANCE = 1e-6  # of an edge map ((range / px)²), as grain and compression make it
_EDGE_VARIANCE = 1e-5  # of an edge map ((range / px)²), from which a correlation is trusted
_SPEED, _SPEED_SHARE = 0.7, 0.002  # px at 360 lines, and of the width: more than errors of the flow
_OBJECT_SIGMA = 5.0  # px at 360 lines: the surroundings of moving objects are treated like them
_CAMERA_STEP = 16  # px of the decision grid to one of the grid on which the camera's motion is fitted
_EXPECTED_DROP = 0.05  # largest decrease, in one frame, of the correlation expected of fresh paint
_MOTION_LOSS = 0.2  # median loss of the content's own correlation that motion explains
_GRAIN = 6.0  # loss that grain may cause in one place, in multiples of the median loss beyond that
_GROUND = 0.25  # moving share of the picture up to which the rest is taken for ground
_NO_GROUND = 0.5  # moving share from which there is no ground


def edges(raster: Raster[Plane, Picture], layout: MapLayout, picture: Picture) -> Plane:
    """Smoothed gradient magnitude of the luminance, range / px; ``picture`` is on the decision grid."""
    across, down = raster.gradient(raster.luminance(picture))
    return raster.gaussian_blur(raster.sqrt(across * across + down * down), _EDGE_SIGMA * layout.scale)


def correlation(
    raster: Raster[Plane, Picture], layout: MapLayout, settings: MapSettings, one: Plane, other: Plane
) -> tuple[Plane, Plane]:
    """Local correlation (-1 to 1) of two results of ``edges``, and its confidence (0 to 1).

    The confidence is 0 where ``one`` is flat. Invariant to brightness and contrast. Computed at half the
    decision grid's size: the window is wider than that.
    """
    height, width = layout.decisions
    half = max(1, height // 2), max(1, width // 2)
    sigma = settings.window * layout.scale / 2

    def mean(plane: Plane) -> Plane:
        return raster.gaussian_blur(raster.resize(plane, *half), sigma)

    mean_one, mean_other = mean(one), mean(other)
    variance = mean(one * one) - mean_one * mean_one
    variance_other = raster.clip(mean(other * other) - mean_other * mean_other, _NOISE_VARIANCE, 1.0)
    product = mean(one * other) - mean_one * mean_other
    coefficient = product / raster.sqrt(raster.clip(variance, _NOISE_VARIANCE, 1.0) * variance_other)
    confidence = raster.clip(variance / _EDGE_VARIANCE, 0.0, 1.0)
    return raster.resize(coefficient, height, width), raster.resize(confidence, height, width)


def structure_of(
    raster: Raster[Plane, Picture], layout: MapLayout, settings: MapSettings, small: Picture, paint: Picture
) -> Plane:
    """Correlation (-1 to 1) of a full painting's edges with those of its frame; all on the decision grid."""
    now, painted = (edges(raster, layout, each) for each in (small, paint))
    return correlation(raster, layout, settings, now, painted)[0]


def structure_loss(
    raster: Raster[Plane, Picture],
    layout: MapLayout,
    settings: MapSettings,
    small: Picture,
    sources: Picture,
    painting: Picture,
    fit: Plane,
    is_new: Plane,
    moving: Plane,
) -> tuple[Plane, Plane]:
    """The edge correlation expected of fresh paint, and by how much that of old paint is below it.

    All planes and pictures are on the decision grid.

    Args:
        small: the frame.
        sources: the contents that the old paint was made for, warped to this frame.
        painting: the old paint, warped to this frame.
        fit: the expected correlation of fresh paint with its frame, so far.
        is_new: where the old paint was painted in the last frame, so that its correlation updates ``fit``.
        moving: 1 at moving objects, 0 on the ground, where the loss is limited to a multiple of that of the
            content's own edges: without a change of content a difference of correlations is noise.
    """
    now, then, painted = (edges(raster, layout, each) for each in (small, sources, painting))
    measured, confidence = correlation(raster, layout, settings, now, painted)
    # not at moving objects: their correlation is low because of the motion
    lowered = raster.select(measured < fit - _EXPECTED_DROP, fit - _EXPECTED_DROP, measured + 0)
    fit = raster.select(is_new & (moving < 0.5), lowered, fit)
    content_correlation, _ = correlation(raster, layout, settings, now, then)
    grain = _GRAIN * limited(raster.median(1 - content_correlation[::4, ::4]) - _MOTION_LOSS, 0.0, inf)
    largest = settings.structure_changed * (1 - content_correlation - grain) + 2 * moving
    loss = fit - measured
    return fit, raster.select(largest < loss, largest, loss) * confidence


def allowed_loss(raster: Raster[Plane, Picture], settings: MapSettings, moving: Plane, fit: Plane) -> Plane:
    """The largest loss of correlation that is allowed: less at moving objects, more where ``fit`` is low.

    ``moving`` (0 to 1) is that of ``moving``, and ``fit`` (-1 to 1) the correlation expected of fresh paint.
    """
    base = settings.structure_ground + (settings.structure - settings.structure_ground) * moving
    looseness = 1 - raster.clip(fit, 0.0, 1.0)
    for _ in range(3):
        looseness = looseness * looseness  # the eighth power: 0.06 at a correlation of 0.3, 0.004 at 0.5
    return base * (1 + settings.structure_loose * looseness)


def moving(raster: Raster[Plane, Picture], layout: MapLayout, motion: tuple[Plane, Plane]) -> Plane:
    """1 at and near objects that move differently from the camera, 0 on the ground.

    ``motion`` is in px of the decision grid. The camera's motion is an affine fit to it; 0 everywhere if half
    of the picture or more moves otherwise, since the fit is not the ground's then.
    """
    height, width = layout.decisions
    coarse = max(2, height // _CAMERA_STEP), max(2, width // _CAMERA_STEP)
    camera = raster.camera_motion(motion, coarse, height, width)
    x, y = motion[0] - camera[0], motion[1] - camera[1]
    limit = max(_SPEED * layout.scale, _SPEED_SHARE * width)
    is_moving = x * x + y * y > limit * limit
    trust = (_NO_GROUND - raster.mean(is_moving)) / (_NO_GROUND - _GROUND)
    near = raster.gaussian_blur(raster.to_float(is_moving), _OBJECT_SIGMA * layout.scale)
    return raster.clip(4 * near, 0.0, 1.0) * limited(trust, 0.0, 1.0)
