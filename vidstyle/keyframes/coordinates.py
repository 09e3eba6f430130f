"""Where each pixel of a frame lies in a keyframe: coordinates carried from frame to frame along motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.flow.base import Array

Plane = NDArray[np.float32]
"""(h, w), px."""
Mask = NDArray[np.bool_]
"""(h, w)."""

_ROUGH = 1.5  # px: offsets of neighbours that differ by more belong to different things
_STRETCHED = 2.0  # px of the keyframe to one px of the frame, or the reverse
_FAR = 4.0  # px: offsets that differ by more are of other things
_OWN = 4  # number of a pixel among its 3x3 neighbours
_LEVEL, _BASE = 0.01, 0.5  # of the occlusion test, Ruder et al. 2016, eq. 3; the second in px²


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """For each pixel of a frame the place in the keyframe that it shows."""

    x: Plane
    """Offset from the pixel's own x, so that equal offsets move together."""
    y: Plane
    is_filled: Mask
    """Where the place was chosen by analogy, not by motion."""


@dataclass(frozen=True, slots=True, eq=False)
class PairMotion:
    """Motion between two frames, both ways; each plane is (h, w) float32, px."""

    there_x: Plane
    """From the frame to the neighbour from which coordinates are carried."""
    there_y: Plane
    back_x: Plane
    back_y: Plane

    def reversed(self) -> PairMotion:
        """The same pair for carrying in the other direction of time."""
        return PairMotion(self.back_x, self.back_y, self.there_x, self.there_y)

    def places(self) -> tuple[Plane, Plane]:
        """x and y in the neighbour of each pixel of the frame."""
        x, y = pixel_grid(*self.there_x.shape)
        return x + self.there_x, y + self.there_y

    def moved(self, plane: Plane) -> Plane:
        """A ``plane`` (h, w) of the neighbour, moved to the frame."""
        return np.asarray(_sampled(plane, self.places(), cv2.INTER_LINEAR), np.float32)


def identity(height: int, width: int) -> Coordinates:
    """The coordinates of the keyframe itself."""
    zero = np.zeros((height, width), np.float32)
    return Coordinates(zero, zero, np.zeros((height, width), np.bool_))


def pixel_grid(height: int, width: int) -> tuple[Plane, Plane]:
    """x and y of each pixel."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x, y


def carried(last: Coordinates, motion: PairMotion) -> tuple[Coordinates, Mask]:
    """The coordinates of the next frame, and where they are unknown: uncovered, outside or stretched."""
    there = motion.places()
    is_filled = _sampled(last.is_filled.astype(np.uint8), there, cv2.INTER_NEAREST) > 0
    is_rough = _sampled(roughness(last).astype(np.uint8), there, cv2.INTER_NEAREST) > 0
    offsets = []
    for offset, step in ((last.x, motion.there_x), (last.y, motion.there_y)):
        # interpolated across an edge, a place between two things would be shown
        smooth = _sampled(offset, there, cv2.INTER_LINEAR)
        nearest = _sampled(offset, there, cv2.INTER_NEAREST)
        offsets.append(np.where(is_rough, nearest, smooth) + step)
    result = Coordinates(offsets[0], offsets[1], is_filled)
    unknown = _is_uncovered(motion, there) | is_outside(result) | _is_stretched(result)
    return result, unknown


def is_outside(coordinates: Coordinates) -> Mask:
    """Where the place is outside of the keyframe."""
    x, y = pixel_grid(*coordinates.x.shape)
    return _is_beyond(x + coordinates.x, y + coordinates.y)


def roughness(coordinates: Coordinates) -> Mask:
    """Where neighbouring offsets differ: edges of things that move differently, and of filled patches."""
    window = np.ones((3, 3), np.uint8)
    spreads = [cv2.dilate(each, window) - cv2.erode(each, window) for each in (coordinates.x, coordinates.y)]
    rough: Mask = np.maximum(*spreads) > _ROUGH
    return rough


def smoothed_edges(coordinates: Coordinates) -> Coordinates:
    """``coordinates`` without crumbs: at edges each pixel takes the median of its neighbours' offsets.

    A vector median: one of the nine, the nearest to all others, so that no new offset is made.
    """
    rows, columns = np.nonzero(roughness(coordinates))
    if not len(rows):
        return coordinates
    x, y = (np.pad(each, 1, mode="edge") for each in (coordinates.x, coordinates.y))
    filled = np.pad(coordinates.is_filled, 1, mode="edge")
    near = [(rows + down, columns + right) for down in range(3) for right in range(3)]
    all_x, all_y = np.stack([x[place] for place in near]), np.stack([y[place] for place in near])
    # capped: how far away another thing's offsets are does not matter
    sums = [
        np.minimum(np.abs(all_x - all_x[number]) + np.abs(all_y - all_y[number]), _FAR).sum(0)
        for number in range(len(near))
    ]
    # ties are the pixel's own
    sums[_OWN] = sums[_OWN] - np.float32(1e-3)
    chosen = np.argmin(sums, axis=0)[None]
    result = Coordinates(coordinates.x.copy(), coordinates.y.copy(), coordinates.is_filled.copy())
    result.x[rows, columns] = np.take_along_axis(all_x, chosen, 0)[0]
    result.y[rows, columns] = np.take_along_axis(all_y, chosen, 0)[0]
    is_filled = np.stack([filled[place] for place in near])
    result.is_filled[rows, columns] = np.take_along_axis(is_filled, chosen, 0)[0]
    return result


def _sampled(plane: Array, there: tuple[Plane, Plane], way: int) -> Array:
    return cv2.remap(plane, there[0], there[1], way, borderMode=cv2.BORDER_REPLICATE)


def _is_uncovered(motion: PairMotion, there: tuple[Plane, Plane]) -> Mask:
    """Where motion there and back does not return, or leads outside of the neighbour."""
    back_x = _sampled(motion.back_x, there, cv2.INTER_LINEAR)
    back_y = _sampled(motion.back_y, there, cv2.INTER_LINEAR)
    missed = (motion.there_x + back_x) ** 2 + (motion.there_y + back_y) ** 2
    length = motion.there_x**2 + motion.there_y**2 + back_x**2 + back_y**2
    uncovered: Mask = (missed > _LEVEL * length + _BASE) | _is_beyond(*there)
    return uncovered


def _is_beyond(x: Plane, y: Plane) -> Mask:
    """Where places (h, w) are outside of a picture of the same size."""
    height, width = x.shape
    # half a pixel beyond the outermost centres is still the picture
    beyond: Mask = (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
    return beyond


def _is_stretched(coordinates: Coordinates) -> Mask:
    """Where strokes would be more than twice as large or small as in the keyframe.

    An edge between two things is a jump on one side only and is no stretch; nor is one of filled patches.
    """
    stretched = np.zeros(coordinates.x.shape, np.bool_)
    areas = np.ones(coordinates.x.shape, np.float32)
    for axis in (1, 0):
        steps = [np.diff(each, axis=axis) for each in (coordinates.x, coordinates.y)]
        along = steps[1 - axis] + 1
        length = np.hypot(along, steps[axis])
        pad = [(0, 0), (0, 0)]
        pad[axis] = (1, 1)
        sides = np.pad(length, pad, mode="edge")
        first, second = (sides[:, :-1], sides[:, 1:]) if axis else (sides[:-1], sides[1:])
        stretched |= np.minimum(first, second) > _STRETCHED
        areas *= np.maximum(first, second)
    stretched |= areas < 1 / _STRETCHED**2
    return stretched & ~coordinates.is_filled
