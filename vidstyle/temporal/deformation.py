"""How far paint has been stretched, squeezed or sheared since it was laid down."""

from __future__ import annotations

from vidstyle.temporal.raster import Plane, Raster

Jacobian = tuple[Plane, Plane, Plane, Plane]
"""du/dx, du/dy, dv/dx, dv/dy of where paint lies in its source, (u, v), over where it is shown, (x, y)."""


def none(raster: Raster, height: int, width: int) -> Jacobian:
    """Paint as it was laid down."""
    one, zero = raster.full(height, width, 1.0), raster.full(height, width, 0.0)
    return one, zero, zero, one


def followed(
    raster: Raster, past: Jacobian, x: Plane, y: Plane, motion: tuple[Plane, Plane], sigma: float
) -> Jacobian:
    """The chain rule along ``motion``: what was at the whole-number (x, y), deformed once more.

    Carried with the pixels rather than read off the map, so that it does not stop at the borders between
    sources: a smear is made of many thin strips, each from another source.
    """
    before = tuple(raster.pick(plane, x, y) for plane in past)
    ux, uy = raster.slope(raster.blurred(motion[0], sigma))
    vx, vy = raster.slope(raster.blurred(motion[1], sigma))
    a, b, c, d = before
    e, h = 1 + ux, 1 + vy
    return a * e + b * vx, a * uy + b * h, c * e + d * vx, c * uy + d * h


def tear(raster: Raster, motion: tuple[Plane, Plane]) -> Plane:
    """How many times the motion of one frame stretches or squeezes, at least 1, in its worst direction."""
    ux, uy = raster.slope(motion[0])
    vx, vy = raster.slope(motion[1])
    return stretch(raster, (1 + ux, uy, vx, 1 + vy))


def refined(raster: Raster, jacobian: Jacobian, shift: tuple[Plane, Plane]) -> Jacobian:
    """With a small ``shift`` (px of these planes) added to the source's coordinates."""
    ux, uy = raster.slope(shift[0])
    vx, vy = raster.slope(shift[1])
    a, b, c, d = jacobian
    return a + ux, b + uy, c + vx, d + vy


def stretch(raster: Raster, jacobian: Jacobian) -> Plane:
    """How many times longer or shorter a stroke has become, at least 1, in its worst direction.

    The larger of the first singular value and the inverse of the second; turned inside out counts as 100.
    """
    a, b, c, d = jacobian
    square = a * a + b * b + c * c + d * d
    determinant = a * d - b * c
    root = raster.sqrt(square * square - 4 * determinant * determinant)
    first = raster.sqrt((square + root) * 0.5)
    second = raster.sqrt((square - root) * 0.5)
    squeezed = 1 / raster.clip(second, 0.01, 100.0)
    worst = first * (first > squeezed) + squeezed * (first <= squeezed)
    is_inside_out = determinant <= 0
    return raster.floats(worst + 100.0 * is_inside_out)
