"""How far old paint has been stretched, compressed or sheared since it was painted."""

from __future__ import annotations

from vidstyle.temporal.backends.base import Picture, Plane, Raster

_OCCLUDES = 1.3  # first singular value of one frame's step from which it is an occlusion, not a deformation

Jacobian = tuple[Plane, Plane, Plane, Plane]
"""du/dx, du/dy, dv/dx, dv/dy: derivatives of source coordinates (u, v) by those in the result (x, y)."""


def identity(raster: Raster[Plane, Picture], height: int, width: int) -> Jacobian[Plane]:
    """The Jacobian of paint that has not been deformed: four float32 planes (height, width)."""
    one, zero = raster.full(height, width, 1.0), raster.full(height, width, 0.0)
    return one, zero, zero, one


def propagate(
    raster: Raster[Plane, Picture],
    past: Jacobian[Plane],
    x: Plane,
    y: Plane,
    motion: tuple[Plane, Plane],
    sigma: float,
) -> Jacobian[Plane]:
    """The Jacobian of this frame's paint: that of the last frame's, ``past``, times that of ``motion``.

    It is accumulated by the chain rule rather than differentiated from (u, v), which is discontinuous between
    sources: smeared paint consists of many narrow strips of different sources. At occlusions ``past`` is
    kept.

    Args:
        x: each pixel's x in the last frame, whole px of these planes.
        y: its y there.
        motion: from this frame to the last, x and y, px of these planes.
        sigma: Gaussian, px, over the motion before it is differentiated.
    """
    a, b, c, d = (raster.gather(plane, x, y) for plane in past)
    step = _step(raster, (raster.gaussian_blur(motion[0], sigma), raster.gaussian_blur(motion[1], sigma)))
    e, f, g, h = step
    first, second, determinant = _singular(raster, step)
    is_occluding = (first > _OCCLUDES) & (determinant > 0) & (first * second > 1)
    return (
        raster.select(is_occluding, a, a * e + b * g),
        raster.select(is_occluding, b, a * f + b * h),
        raster.select(is_occluding, c, c * e + d * g),
        raster.select(is_occluding, d, c * f + d * h),
    )


def tear(raster: Raster[Plane, Picture], motion: tuple[Plane, Plane]) -> Plane:
    """The factor by which one frame's motion (px of its planes) lengthens strokes in the worst direction.

    Up to 100. Large at disocclusions; 100 and more where the motion folds over (a determinant of 0 or less).
    """
    _, second, determinant = _singular(raster, _step(raster, motion))
    return 1 / raster.clip(second, 0.01, 100.0) + 100.0 * (determinant <= 0)


def add_shift(
    raster: Raster[Plane, Picture], jacobian: Jacobian[Plane], shift: tuple[Plane, Plane]
) -> Jacobian[Plane]:
    """``jacobian`` after a small ``shift`` (px of these planes) was added to (u, v)."""
    ux, uy = raster.gradient(shift[0])
    vx, vy = raster.gradient(shift[1])
    a, b, c, d = jacobian
    return a + ux, b + uy, c + vx, d + vy


def stretch(raster: Raster[Plane, Picture], jacobian: Jacobian[Plane]) -> Plane:
    """The factor, at least 1, by which a stroke has been lengthened or shortened in its worst direction.

    The larger of the first singular value and the inverse of the second; 100 and more if the determinant is
    0 or less.
    """
    first, second, determinant = _singular(raster, jacobian)
    squeezed = 1 / raster.clip(second, 0.01, 100.0)
    worst = first * (first > squeezed) + squeezed * (first <= squeezed)
    return raster.to_float(worst + 100.0 * (determinant <= 0))


def _step(raster: Raster[Plane, Picture], motion: tuple[Plane, Plane]) -> Jacobian[Plane]:
    """The Jacobian of where pixels were in the last frame, (x, y) + ``motion``."""
    ux, uy = raster.gradient(motion[0])
    vx, vy = raster.gradient(motion[1])
    return 1 + ux, uy, vx, 1 + vy


def _singular(raster: Raster[Plane, Picture], jacobian: Jacobian[Plane]) -> tuple[Plane, Plane, Plane]:
    """The singular values, larger first, and the determinant."""
    a, b, c, d = jacobian
    square = a * a + b * b + c * c + d * d
    determinant = a * d - b * c
    root = raster.sqrt(square * square - 4 * determinant * determinant)
    return raster.sqrt((square + root) * 0.5), raster.sqrt((square - root) * 0.5), determinant
