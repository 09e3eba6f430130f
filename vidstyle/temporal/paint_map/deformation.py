"""How far paint has been stretched, squeezed or sheared since it was laid down."""

from __future__ import annotations

from vidstyle.temporal.backends.base import Picture, Plane, Raster

_COVERS = 1.3  # times longer in one frame: no stroke is squeezed so fast, one thing moves in front of another

Jacobian = tuple[Plane, Plane, Plane, Plane]
"""du/dx, du/dy, dv/dx, dv/dy of where paint lies in its source, (u, v), over where it is shown, (x, y)."""


def none(raster: Raster[Plane, Picture], height: int, width: int) -> Jacobian[Plane]:
    """Paint as it was laid down."""
    one, zero = raster.full(height, width, 1.0), raster.full(height, width, 0.0)
    return one, zero, zero, one


def followed(
    raster: Raster[Plane, Picture],
    past: Jacobian[Plane],
    x: Plane,
    y: Plane,
    motion: tuple[Plane, Plane],
    sigma: float,
) -> Jacobian[Plane]:
    """The chain rule along ``motion``: what was at the whole-number (x, y), deformed once more.

    Carried with the pixels rather than read off the map, so that it does not stop at the borders between
    sources: a smear is made of many thin strips, each from another source. Where one thing covers another
    the strokes of both stay as they are.
    """
    a, b, c, d = (raster.pick(plane, x, y) for plane in past)
    step = _step(raster, (raster.blurred(motion[0], sigma), raster.blurred(motion[1], sigma)))
    e, f, g, h = step
    first, second, determinant = _singular(raster, step)
    is_covering = (first > _COVERS) & (determinant > 0) & (first * second > 1)
    return (
        raster.chosen(is_covering, a, a * e + b * g),
        raster.chosen(is_covering, b, a * f + b * h),
        raster.chosen(is_covering, c, c * e + d * g),
        raster.chosen(is_covering, d, c * f + d * h),
    )


def tear(raster: Raster[Plane, Picture], motion: tuple[Plane, Plane]) -> Plane:
    """How many times the motion of one frame lengthens strokes in its worst direction.

    Where something is uncovered, neighbours come from one place or have changed sides, which counts as 100.
    """
    _, second, determinant = _singular(raster, _step(raster, motion))
    return 1 / raster.clip(second, 0.01, 100.0) + 100.0 * (determinant <= 0)


def refined(
    raster: Raster[Plane, Picture], jacobian: Jacobian[Plane], shift: tuple[Plane, Plane]
) -> Jacobian[Plane]:
    """With a small ``shift`` (px of these planes) added to the source's coordinates."""
    ux, uy = raster.slope(shift[0])
    vx, vy = raster.slope(shift[1])
    a, b, c, d = jacobian
    return a + ux, b + uy, c + vx, d + vy


def stretch(raster: Raster[Plane, Picture], jacobian: Jacobian[Plane]) -> Plane:
    """How many times longer or shorter a stroke has become, at least 1, in its worst direction.

    The larger of the first singular value and the inverse of the second; turned inside out counts as 100.
    """
    first, second, determinant = _singular(raster, jacobian)
    squeezed = 1 / raster.clip(second, 0.01, 100.0)
    worst = first * (first > squeezed) + squeezed * (first <= squeezed)
    return raster.floats(worst + 100.0 * (determinant <= 0))


def _step(raster: Raster[Plane, Picture], motion: tuple[Plane, Plane]) -> Jacobian[Plane]:
    """Of where pixels were a frame ago."""
    ux, uy = raster.slope(motion[0])
    vx, vy = raster.slope(motion[1])
    return 1 + ux, uy, vx, 1 + vy


def _singular(raster: Raster[Plane, Picture], jacobian: Jacobian[Plane]) -> tuple[Plane, Plane, Plane]:
    """The singular values, larger first, and the determinant."""
    a, b, c, d = jacobian
    square = a * a + b * b + c * c + d * d
    determinant = a * d - b * c
    root = raster.sqrt(square * square - 4 * determinant * determinant)
    return raster.sqrt((square + root) * 0.5), raster.sqrt((square - root) * 0.5), determinant
