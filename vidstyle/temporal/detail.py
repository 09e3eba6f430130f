"""Restores small details of the clip, such as ropes and distant people, that a painting lost."""

from __future__ import annotations

from typing import NamedTuple, cast

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from vidstyle.frames import Pixels, eight_bits

LumaPlane = NDArray[np.float32]
"""(H, W) or flat; luminance and its differences in levels of 8 bits."""

# Lengths are px on a grid with a short side of at most LINES; on smaller grids they scale with it.
LINES = 360
FIGURES, ROPES = (
    (3, 2),
    (2, 1),
)  # radius, iterations: details are up to twice their product wide
NEAR = 30  # radius of a detail's surroundings
AROUND = 9  # radius of the surrounding paint with which a detail's is compared
WINDOW = 3  # radius of the window in which clip and painting are compared

# Salience: a contrast from 0 at BUSY times the texture around (+ FLOOR) to 1 at CLEAR times (+ RAMP).
FLOOR = 4.0  # levels: more than compression's blocks
BUSY, CLEAR = 1.5, 3.0  # times the texture
RAMP = 40.0  # levels: with 6, camera noise made the detail of still objects flicker by half as much again
BESIDE = 2.0  # weight of dark surroundings against a bright spot: the gap between two ropes is no detail
SPECK = 2  # px, radius in which a detail must be larger than a pixel or two
FEW, STEEP = 12.0, 7.0  # mean salience there (of 255) that is dropped, and gain above: full at 48, a rope's

# Loss: ropes with strokes of their own, even thicker ones, are not lost.
ENOUGH = 0.6  # of the clip's contrast, from which nothing is lost
UNLIKE, LIKE = 0.5, 0.95  # correlation of painting and clip at which a detail is wholly lost, and kept
SLIGHT, SEVERE = 0.1, 0.7  # loss from which it is restored, and restored fully

ROOM = 0.8  # largest change, as a share of the distance to black or white: paint stays visible
LEAST = 2  # of 255: smaller weights are invisible
_ROOTS = np.rint(np.sqrt(np.arange(256.0)) * 15.9).astype(np.uint8)  # 16 times the root


class Details(NamedTuple):
    """The small details of a frame, (H, W) uint8 each, on the grid."""

    brighter: MatLike
    """Levels above the surroundings, times the salience."""
    darker: MatLike
    """Levels below the surroundings, times the salience."""
    salience: MatLike
    """0 to 255: how much a detail exceeds the texture around it."""


def restored(clip: Pixels, painting: Pixels, share: float) -> Pixels:
    """``painting`` with ``share`` (0 to 1) of the small details of ``clip`` that it lost.

    Both are (H, W, 3) of one depth. Only luminance changes; ``painting`` itself if nothing is lost.
    """
    if share <= 0.0:
        return painting
    light, painted = _grey(clip), _grey(painting)
    grid = grid_of(*light.shape)
    scale = min(grid) / LINES
    small = cv2.GaussianBlur(_shrunk(light, grid), (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    details = _details(small, scale)
    if details is None:
        return painting
    missing = _missing(details, painted, scale)
    weight = cv2.multiply(details.salience, _enlarged(missing, grid), scale=share / 255)
    places = np.flatnonzero(_enlarged(weight, light.shape).ravel() > LEAST)
    if not len(places):
        return painting

    def there(plane: MatLike) -> LumaPlane:
        return _sampled(plane, places, light.shape)

    finer = there(details.salience) / 255 * (there(light) - there(small))  # above the grid's resolution
    contrast = there(details.brighter) - there(details.darker) + finer
    return _toned(painting, places, there(painted), there(missing) * contrast * np.float32(share / 255))


def _grey(pixels: Pixels) -> MatLike:
    return cv2.cvtColor(eight_bits(pixels), cv2.COLOR_RGB2GRAY)


def grid_of(height: int, width: int) -> tuple[int, int]:
    shrink = min(1.0, LINES / min(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def _details(light: MatLike, scale: float) -> Details | None:
    """The small details of ``light`` (H, W) uint8, by white and black top-hats; None if it has none.

    Computed in 8 bits, in a quarter of the time of floats.
    """
    brighter, darker, salience = (np.zeros(light.shape, np.uint8) for _ in range(3))
    low: MatLike | None = None
    span: MatLike | None = None
    for radius, times in (FIGURES, ROPES):
        reach = px(radius, scale)
        opened, closed = (
            cv2.morphologyEx(light, kind, _disc(reach), iterations=times, borderType=cv2.BORDER_REPLICATE)
            for kind in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE)
        )
        if (
            low is None or span is None
        ):  # the figures' texture for ropes, too: with their own every twig of a tree would be salient
            texture: MatLike = cv2.subtract(closed, opened)
            if texture.max() <= FLOOR:
                return None
            busy = _typical(texture, px(NEAR, scale))
            low = cv2.convertScaleAbs(busy, alpha=BUSY, beta=FLOOR)
            span = cv2.convertScaleAbs(busy, alpha=CLEAR - BUSY, beta=RAMP)
        bright, dark = cv2.subtract(light, opened), cv2.subtract(closed, light)
        for hat, other, kept in ((bright, dark, brighter), (dark, bright, darker)):
            lead = cv2.addWeighted(hat, 1.0, _box(other, times * reach), -BESIDE, 0)
            seen = cv2.divide(cv2.subtract(lead, low), span, scale=255)
            cv2.max(kept, cv2.multiply(hat, seen, scale=1 / 255), kept)
            cv2.max(salience, seen, salience)
    if not salience.any():
        return None
    near = _box(salience, SPECK)
    gain = cv2.addWeighted(near, STEEP, near, 0.0, -STEEP * FEW)
    return Details(*(cv2.multiply(plane, gain, scale=1 / 255) for plane in (brighter, darker, salience)))


def px(length: float, scale: float) -> int:
    return max(1, round(length * scale))


def _disc(radius: int) -> MatLike:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _box(plane: MatLike, reach: int) -> MatLike:
    return cv2.blur(plane, (2 * reach + 1, 2 * reach + 1), borderType=cv2.BORDER_REPLICATE)


def _typical(texture: MatLike, near: int) -> MatLike:
    """Typical ``texture`` of the surroundings: the power mean of exponent 1/2, robust to single details."""
    roots = cv2.LUT(np.ascontiguousarray(texture[::2, ::2]), _ROOTS)  # every other pixel suffices for a mean
    mean = _box(_shrunk(roots, part_of(texture.shape, 4)).astype(np.float32), max(1, near // 4)) / 16
    return _enlarged(np.rint(mean * mean).clip(0, 255).astype(np.uint8), texture.shape)


def _missing(details: Details, painted: MatLike, scale: float) -> MatLike:
    """Share (uint8, of 255) of each detail that ``painted`` lacks: its contrast or correlation is too low.

    Of half the grid's size, as strokes may be off by a pixel.
    """
    half = part_of(details.salience.shape, 2)
    brighter, darker, salience, paint = (
        _shrunk(plane, half).astype(np.float32)
        for plane in (details.brighter, details.darker, details.salience, painted)
    )
    relief = brighter - darker
    around, window = px(AROUND, scale / 2), px(WINDOW, scale / 2)
    free = 255.5 - salience  # excludes details from their own surroundings
    share = np.asarray(_box(paint * free, around) / _box(free, around), np.float32)
    surroundings = _box(share, px(around, 0.5))
    stroke = paint - surroundings
    both, ours, theirs = (
        _box(_box(product, window), window) for product in (relief * stroke, relief * relief, stroke * stroke)
    )
    strong = both / (ENOUGH * ours + 1.0)
    alike = (both / (np.sqrt(np.maximum(ours * theirs, 0.0)) + 1.0) - UNLIKE) / (LIKE - UNLIKE)
    lost = (1.0 - np.minimum(strong, alike) - SLIGHT) / (SEVERE - SLIGHT)
    return np.asarray(np.rint(lost.clip(0.0, 1.0) * 255), np.uint8)


def part_of(shape: tuple[int, ...], parts: int) -> tuple[int, int]:
    return max(1, shape[0] // parts), max(1, shape[1] // parts)


def _shrunk(plane: MatLike, size: tuple[int, int]) -> MatLike:
    if plane.shape == size:
        return plane
    return cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA)


def _enlarged(plane: MatLike, size: tuple[int, int]) -> MatLike:
    if plane.shape == size:
        return plane
    return cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR)


def _sampled(plane: MatLike, places: MatLike, size: tuple[int, int]) -> LumaPlane:
    """``plane`` resized to ``size`` (bilinear), at flat indices ``places`` of that size only."""
    height, width = plane.shape
    if (height, width) == size:
        return cast(LumaPlane, plane.ravel()[places].astype(np.float32))
    rows, columns = np.divmod(places, size[1])
    y = ((rows + 0.5) * (height / size[0]) - 0.5).clip(0, height - 1)
    x = ((columns + 0.5) * (width / size[1]) - 0.5).clip(0, width - 1)
    top, left = y.astype(np.int32), x.astype(np.int32)
    under, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, across = (y - top).astype(np.float32), (x - left).astype(np.float32)
    upper = plane[top, left] * (1 - across) + plane[top, right] * across
    lower = plane[under, left] * (1 - across) + plane[under, right] * across
    return cast(LumaPlane, upper * (1 - down) + lower * down)


def _toned(painting: Pixels, places: MatLike, luma: LumaPlane, change: LumaPlane) -> Pixels:
    """``painting`` with its luminance ``luma`` changed by ``change`` (8-bit levels) at indices ``places``."""
    full = np.float32(np.iinfo(painting.dtype).max)
    darker = (-change / np.maximum(luma, 1.0)).clip(0.0, ROOM)[:, None]
    lighter = (change / np.maximum(255.0 - luma, 1.0)).clip(0.0, ROOM)[:, None]
    color = painting.reshape(-1, 3)[places].astype(np.float32)
    result = painting.copy()
    result.reshape(-1, 3)[places] = np.rint(color * (1.0 - darker) + (full - color) * lighter)
    return result
