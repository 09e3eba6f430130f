"""Limits beyond which old paint is repainted: changed content, drift, deformation, patchwork."""

from __future__ import annotations

from vidstyle.temporal.backends.base import Number, Picture, Plane, Raster
from vidstyle.temporal.paint_map import deformation
from vidstyle.temporal.paint_map.settings import MapLayout, MapSettings


def local_contrast(raster: Raster[Plane, Picture], layout: MapLayout, small: Picture) -> Plane:
    """Mean absolute deviation of the luminance from its local mean, 0 to 1; all on the decision grid."""
    sigma = 4 * layout.scale
    grey = raster.luminance(small)
    return raster.gaussian_blur(abs(grey - raster.gaussian_blur(grey, sigma)), sigma)


def allowed_difference(settings: MapSettings, texture: Plane, noise: Number, tolerance: float) -> Plane:
    """The largest difference (0 to 1) allowed between the content and what the paint was made for.

    Args:
        texture: local contrast of the content, 0 to 1.
        noise: the difference (0 to 1) that grain makes.
        tolerance: factor on the limits of ``settings``.
    """
    # A small shift is visible on a smooth surface and not in grass: the limit grows with the texture.
    limit = settings.content + settings.texture * texture
    return limit * tolerance + 2 * noise


def is_spent(
    raster: Raster[Plane, Picture],
    layout: MapLayout,
    settings: MapSettings,
    shift: tuple[Plane, Plane],
    jacobian: deformation.Jacobian[Plane],
    phase: Plane,
) -> Plane:
    """Whether paint has drifted or been deformed too far; bool, all on the decision grid.

    Args:
        shift: the correction of drift in this frame, px of the grid.
        jacobian: the deformation of the paint since it was painted.
        phase: 0 to 1; the limit varies with it, else a zoom would repaint the whole frame at once.
    """
    drift = settings.drift * layout.scale
    stretch = deformation.stretch(raster, jacobian)
    is_adrift = shift[0] * shift[0] + shift[1] * shift[1] > drift * drift
    is_beyond: Plane = is_adrift | (stretch > settings.stretch * (0.9 + 0.2 * phase))
    return is_beyond


def is_patchwork(
    raster: Raster[Plane, Picture], layout: MapLayout, settings: MapSettings, slot: Plane
) -> Plane:
    """Whether paint is in narrow strips of many sources; bool, on the decision grid like ``slot`` (uint8).

    A pan adds a strip at the border in each frame.
    """
    seams = raster.full(*layout.decisions, 0.0)
    seams[:, 1:] += raster.to_float(slot[:, 1:] != slot[:, :-1])
    seams[1:] += raster.to_float(slot[1:] != slot[:-1])
    return raster.gaussian_blur(seams, 8 * layout.scale) > settings.patchwork


def is_outside(layout: MapLayout, u: Plane, v: Plane) -> Plane:
    """Whether source coordinates (px of the frame) are outside of the frame; bool, of the planes' size."""
    height, width = layout.frame
    return (u < -0.5) | (u > width - 0.5) | (v < -0.5) | (v > height - 0.5)
