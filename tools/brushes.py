"""Brushes, noise and colours for painting the bundled style pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]
"""(H, W) float"""
Colors = NDArray[Any]
"""(H, W, 3) RGB, 0 to 1; or one colour (3,)"""

HEIGHT, WIDTH = 768, 1024  # px


def grid() -> tuple[Plane, Plane]:
    """y from 0 to 1 and x from 0 to 4/3."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) / HEIGHT
    return y, x


def color(hexadecimal: str) -> Colors:
    """The color ``#rrggbb``, (3,) in [0, 1]."""
    return np.array([int(hexadecimal[place : place + 2], 16) for place in (1, 3, 5)], np.float32) / 255


def ramp(value: Plane, colors_hex: list[str]) -> Colors:
    """Colours along a scale from 0 to 1."""
    stops = np.linspace(0, 1, len(colors_hex))
    colors = np.stack([color(each) for each in colors_hex])
    return np.stack([np.interp(value, stops, colors[:, c]) for c in range(3)], -1).astype(np.float32)


def mix(under: Colors, over: Colors, share: Plane) -> Colors:
    share = np.clip(share, 0, 1)[..., None]
    return np.asarray(under * (1 - share) + over * share, np.float32)


def step(value: Plane, soft: float) -> Plane:
    """0 below zero, 1 above, smooth over ``soft`` on either side."""
    t = ((value / soft) * 0.5 + 0.5).clip(0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def noise(rng: np.random.Generator, scale: float) -> Plane:
    """Smooth noise with features of about ``scale`` px, roughly -1 to 1."""
    rows, columns = int(HEIGHT / scale) + 4, int(WIDTH / scale) + 4
    coarse = rng.normal(0, 0.6, (rows, columns)).astype(np.float32)
    large = cv2.resize(coarse, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top, left = int(rng.uniform(0, scale)), int(rng.uniform(0, scale))
    return np.ascontiguousarray(large[top : top + HEIGHT, left : left + WIDTH])


def painted(
    rng: np.random.Generator,
    scene: Colors,
    angle: Plane,
    widths: tuple[int, ...],
    *,
    length: float,
    jitter: float,
    flat: bool = False,
    edge: float = 0.0,
) -> Colors:
    """``scene`` in brush strokes along ``angle``, broad ones first (after Hertzmann 1998).

    ``length`` is in widths of the brush, ``jitter`` how far a stroke's colour strays; a ``flat`` brush is a
    knife; ``edge`` darkens the rims of strokes.
    """
    canvas: Colors = scene.mean((0, 1), keepdims=True) * np.ones_like(scene) * 0.8
    along = np.stack([np.cos(angle), np.sin(angle)], -1)
    for number, width in enumerate(widths):
        smooth = cv2.GaussianBlur(scene, (0, 0), width / 3)
        gap = width * 0.62
        rows, columns = np.mgrid[0:HEIGHT:gap, 0:WIDTH:gap]
        starts = np.stack([columns.ravel(), rows.ravel()], 1) + rng.uniform(-gap, gap, (rows.size, 2)) / 1.5
        rng.shuffle(starts)
        if number:  # later, finer strokes only where the scene asks for them, and a few by whim
            error = cv2.GaussianBlur(np.abs(scene - canvas).sum(-1), (0, 0), width / 2)
            places = np.rint(starts).astype(int).clip(0, (WIDTH - 1, HEIGHT - 1))
            wanted = error[places[:, 1], places[:, 0]] > np.quantile(error, 0.45)
            starts = starts[wanted | (rng.uniform(size=len(starts)) < 0.12)]
        for start in starts:
            _stroke(
                rng, canvas, smooth, along, start, width, length * rng.uniform(0.6, 1.4), jitter, flat, edge
            )
    return canvas


def _stroke(
    rng: np.random.Generator,
    canvas: Colors,
    scene: Colors,
    along: Colors,
    start: NDArray[np.float64],
    width: int,
    length: float,
    jitter: float,
    flat: bool,
    edge: float,
) -> None:
    """One stroke: a path along the field, drawn hair by hair so that the bristles show."""
    limit = np.array([WIDTH - 1, HEIGHT - 1])
    point = start.clip(0, limit)
    reach = width / 3
    direction = along[int(point[1]), int(point[0])] * rng.choice((-1.0, 1.0))
    path = [point]
    for _ in range(max(2, int(length * 3))):
        here = along[int(point[1]), int(point[0])]
        if here @ direction < 0:
            here = -here
        direction = 0.7 * direction + 0.3 * here if not flat else direction
        direction = direction / (np.hypot(*direction) + 1e-6)
        point = (point + reach * direction).clip(0, limit)
        path.append(point)
    middle = np.rint(path[len(path) // 2]).astype(int)
    paint = scene[middle[1], middle[0]] + rng.normal(0, jitter, 3) + rng.normal(0, jitter)
    points = np.array(path)
    tangent = np.gradient(points, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / (
        np.hypot(tangent[:, 0], tangent[:, 1])[:, None] + 1e-6
    )
    if edge:  # a darker rim, as where wet paint is pushed aside
        rim = np.rint(points * 16).astype(np.int32)
        cv2.polylines(canvas, [rim], False, (paint * (1 - edge)).tolist(), round(width * 0.78), cv2.LINE_8, 4)
    hairs = max(4, width // 3)
    for hair in range(hairs):
        side = (hair + 0.5) / hairs * 2 - 1
        taper = 1.0 if flat else np.sin(np.linspace(0.25, np.pi - 0.2, len(points)))[:, None]
        line = points + normal * (side * width * (0.36 if edge else 0.5)) * taper
        skip = rng.integers(0, 2, 2) if not flat else (0, 0)
        line = line[skip[0] : len(line) - skip[1]]
        shade = paint + rng.normal(0, 0.035) + 0.05 * side
        fixed = np.rint(line * 16).astype(np.int32)
        thick = max(1, round(width / hairs * 1.35))
        cv2.polylines(canvas, [fixed], False, shade.tolist(), thick, cv2.LINE_8, 4)


def dabs(
    rng: np.random.Generator, canvas: Colors, where: Plane, paint: str, count: int, near: Plane
) -> Colors:
    """Short dabs of one colour, larger where ``near`` is, at places drawn by ``where``."""
    chance = where.ravel().astype(np.float64)
    places = rng.choice(chance.size, count, p=chance / chance.sum())
    for place in places:
        down, across = divmod(int(place), WIDTH)
        size = 6 + 15 * float(near[down, across])
        axes = (max(2, round(size)), max(2, round(size * rng.uniform(0.5, 0.8))))
        shade = color(paint) + rng.normal(0, 0.05, 3)
        cv2.ellipse(canvas, (across, down), axes, rng.uniform(-40, 40), 0, 360, shade.tolist(), -1)
    return canvas


def spray(rng: np.random.Generator, canvas: Colors, where: Plane, paint: str, count: int) -> Colors:
    """Drops thrown up from ``where``."""
    down, across = np.nonzero(where > 0.5)
    for index in rng.integers(0, len(down), count):
        place = (int(across[index] + rng.normal(0, 16)), int(down[index] - abs(rng.normal(0, 18))))
        cv2.circle(canvas, place, int(rng.integers(1, 4)), color(paint).tolist(), -1)
    return canvas


def branch(rng: np.random.Generator, mask: Plane, x: float, y: float, angle: float, width: float) -> None:
    """A twig of ink that bends, thins and forks."""
    while width > 1.0 and y > 0.35 * HEIGHT:
        ahead = (x + 11 * np.cos(angle), y + 11 * np.sin(angle))
        cv2.line(mask, (round(x), round(y)), (round(ahead[0]), round(ahead[1])), 1.0, max(1, round(width)))
        x, y = ahead
        angle += rng.normal(0, 0.14)
        width *= 0.955
        if rng.uniform() < 0.13:
            branch(rng, mask, x, y, angle + rng.choice((-1, 1)) * rng.uniform(0.4, 0.9), width * 0.6)


def relief(canvas: Colors, depth: float) -> Colors:
    """Light from the upper left on the thickness of the paint."""
    height = canvas.mean(-1)
    height = height - cv2.GaussianBlur(height, (0, 0), 6)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) + cv2.Sobel(height, cv2.CV_32F, 0, 1)
    lit = (canvas * (1 - depth * slope.clip(-0.35, 0.35)[..., None])).clip(0, 1)
    return np.asarray(lit, np.float32)
