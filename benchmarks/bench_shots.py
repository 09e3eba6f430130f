"""Shots with known cuts, made of still pictures: pans, shakes, whips, zooms, flashes, fades, dissolves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.frames import Pixels

_LENGTH = 30  # frames of a moving shot after the first
_STEP = 3.0  # px between two of the views that are averaged into a blurred one
_WHIP = (0, 30, 70, 100, 100, 70, 30, 0)  # px a frame: a camera has mass
_MARGIN = 1.15  # times as large as a frame is the smallest picture that it is cut out of
_SEED = 1
_NOISE = 1.0  # levels of 255, deviation


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """Frames, and where a new shot begins in them."""

    kind: str
    frames: Sequence[Pixels]
    cuts: tuple[int, ...] = ()
    """Frames that are the first of a shot; the very first is none."""
    either: tuple[range, ...] = ()
    """Frames of which one may be called a cut: where a flash begins, or inside a dissolve."""


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera looks, in px of a picture."""

    x: float
    y: float
    zoom: float = 1.0
    angle: float = 0.0  # degrees


Path = Callable[[int, "NDArray[np.float64]"], View]
"""The camera at a frame: (number, 4 random numbers of that frame, -1 to 1) -> offset from the middle."""


def pan(number: int, chance: NDArray[np.float64]) -> View:
    """20 px a frame, there and back within 100 px, with a jitter of 3 px."""
    return View(_swing(20 * number, 100) + 3 * chance[0], 3 * chance[1])


def shake(number: int, chance: NDArray[np.float64]) -> View:
    """A hand: each frame anywhere within 20 px, 2 degrees and 2 %."""
    return View(20 * chance[0], 20 * chance[1], 1 + 0.02 * chance[2], 2 * chance[3])


def whip(number: int, chance: NDArray[np.float64]) -> View:
    """Up to 100 px a frame to one side, then back."""
    swing, step = divmod(number, len(_WHIP))
    way = sum(_WHIP[:step])
    return View((sum(_WHIP) - way if swing % 2 else way) + chance[0], chance[1])


def zoom(number: int, chance: NDArray[np.float64]) -> View:
    """8 % a frame, in and out."""
    return View(chance[0], chance[1], 1.08 ** _swing(number, 8))


MOVES: dict[str, tuple[Path, float]] = {
    "pan, 20 px a frame": (pan, 0.0),
    "shake": (shake, 0.0),
    "whip, up to 100 px a frame, blurred": (whip, 0.5),
    "zoom, 8 % a frame": (zoom, 0.0),
}
"""Kind to the camera's path and how long the shutter is open (share of a frame)."""


def moving(picture: Pixels, kind: str, width: int, height: int, seed: int) -> Shot:
    """One of ``MOVES`` over ``picture``."""
    path, shutter = MOVES[kind]
    random = np.random.default_rng(seed)
    chances = random.uniform(-1, 1, (_LENGTH + 2, 4))
    large = _covering(picture, width, height)
    frames = []
    for number in range(_LENGTH + 1):
        start, end = path(number, chances[number]), path(number + 1, chances[number + 1])
        steps = max(1, round(shutter * abs(end.x - start.x) / _STEP))
        open_for = [between(start, end, shutter * step / steps) for step in range(steps)]
        frames.append(
            _stored(np.mean([seen(large, view, width, height) for view in open_for], axis=0), random)
        )
    return Shot(kind, frames)


def flash(picture: Pixels, width: int, height: int, seed: int) -> Shot:
    """Two flashes over a slow pan: a mild one, and one that burns the picture out."""
    random, large = np.random.default_rng(seed), _covering(picture, width, height)
    light = {4: 60.0, 5: 50.0, 10: 230.0, 11: 180.0}
    views = [seen(large, View(2.0 * number, 0), width, height) for number in range(16)]
    frames = [_stored(view + light.get(number, 0.0), random) for number, view in enumerate(views)]
    return Shot("flash", frames, either=(range(10, 12),))


def fade(picture: Pixels, width: int, height: int, seed: int) -> Shot:
    """Into black and out of it again, in ten frames each."""
    random, large = np.random.default_rng(seed), _covering(picture, width, height)
    shares = np.abs(np.linspace(1, -1, 21))
    views = [share * seen(large, View(0, 0), width, height) for share in shares]
    return Shot("fade", [_stored(view, random) for view in views])


def dissolve(first: Pixels, second: Pixels, width: int, height: int, seed: int) -> Shot:
    """One picture into another in twelve frames."""
    length = 12  # frames
    random = np.random.default_rng(seed)
    one, other = (seen(_covering(each, width, height), View(0, 0), width, height) for each in (first, second))
    shares = np.clip(np.arange(-2, length + 3) / length, 0, 1)
    frames = [_stored((1 - share) * one + share * other, random) for share in shares]
    return Shot("dissolve", frames, either=(range(2, length + 3),))


def hard_cuts(kind: str, pictures: Sequence[Pixels], width: int, height: int, seed: int) -> Shot:
    """Each picture for two frames, moved by 2 px."""
    random, frames = np.random.default_rng(seed), []
    for picture in pictures:
        large = _covering(picture, width, height)
        frames += [_stored(seen(large, View(x, 0), width, height), random) for x in (0.0, 2.0)]
    return Shot(kind, frames, cuts=tuple(range(2, len(frames), 2)))


def by_color(pictures: Sequence[Pixels]) -> list[Pixels]:
    """``pictures`` in an order in which neighbours are of like colours."""
    grids = [cv2.resize(each, (4, 4), interpolation=cv2.INTER_AREA).astype(np.float64) for each in pictures]
    left, order = set(range(1, len(pictures))), [0]
    while left:
        nearest = min(left, key=lambda index: float(np.abs(grids[index] - grids[order[-1]]).mean()))
        order.append(nearest)
        left.remove(nearest)
    return [pictures[index] for index in order]


def made(pictures: Sequence[Pixels], width: int, height: int) -> Iterator[Shot]:
    """Shots of every kind, out of ``pictures``."""
    for index, picture in enumerate(pictures):
        for kind in MOVES:
            yield moving(picture, kind, width, height, _SEED + index)
        yield flash(picture, width, height, _SEED + index)
        yield fade(picture, width, height, _SEED + index)
    for index, (first, second) in enumerate(pairwise(pictures)):
        yield dissolve(first, second, width, height, _SEED + index)
    yield hard_cuts("hard cuts", pictures, width, height, _SEED)
    yield hard_cuts("hard cuts, like colours", by_color(pictures), width, height, _SEED)


def between(start: View, end: View, share: float) -> View:
    """The view ``share`` of the way from ``start`` to ``end``."""
    mixed = [
        (1 - share) * a + share * b
        for a, b in (
            (start.x, end.x),
            (start.y, end.y),
            (start.zoom, end.zoom),
            (start.angle, end.angle),
        )
    ]
    return View(*mixed)


def seen(picture: Pixels, view: View, width: int, height: int) -> NDArray[np.float32]:
    """What the camera sees, (height, width, 3), 0 to 255; beyond its border ``picture`` is mirrored."""
    lines, columns = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((0, 0), view.angle, view.zoom)
    middle = matrix[:, :2] @ np.array([columns / 2 + view.x, lines / 2 + view.y])
    matrix[:, 2] = np.array([width / 2, height / 2]) - middle
    warped = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, np.float32)


def _swing(way: float, most: float) -> float:
    """``way`` there and back between 0 and ``most``."""
    return most - abs(way % (2 * most) - most)


def _covering(picture: Pixels, width: int, height: int) -> Pixels:
    """``picture``, enlarged if it is not ``_MARGIN`` times as large as a frame."""
    scale = max(1.0, _MARGIN * width / picture.shape[1], _MARGIN * height / picture.shape[0])
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8)


def _stored(view: NDArray[np.float32], random: np.random.Generator) -> Pixels:
    noise = random.normal(0, _NOISE, view.shape)
    return np.clip(np.rint(view + noise), 0, 255).astype(np.uint8)
