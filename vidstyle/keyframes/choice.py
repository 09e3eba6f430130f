"""Which of two keyframes each pixel between them is painted from."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.flow.base import Array
from vidstyle.keyframes.coordinates import pixel_grid
from vidstyle.keyframes.sweep import CarriedFrame

Weights = NDArray[np.float32]
"""(h, w): 1 where the later keyframe is shown, 0 where the earlier one is."""

_MATCH = 0.1  # a difference of the frame to one source (0 to 1) that outweighs half of the way in time
_FILLED = 0.5  # of the way in time: what was carried is preferred to what was chosen by analogy
_SPREAD = 0.7  # of the way in time, before and after the middle, over which areas change one by one
_HELD = 1.0  # of the way in time: what has changed to the later keyframe stays, so that nothing flickers
_AREA = 0.045  # of the long side: size of such an area
_SMOOTH = 3.0  # px: Gaussian window in which matches are compared
_ROUNDED = 3.0  # px: seams of less than this are smoothed away
_FADE = 4  # frames in which an area changes to the later keyframe
_FEATHER = 1.2  # px: Gaussian window of the seam
_WIDE = 0.015  # of the long side: Gaussian window over which the coarse colours change


def seam_pattern(height: int, width: int) -> Weights:
    """Smooth areas from -1 to 1: when each changes to the later keyframe. Always the same."""
    noise = np.random.default_rng(0).standard_normal((height, width)).astype(np.float32)
    areas = cv2.GaussianBlur(noise, (0, 0), max(1.0, _AREA * max(height, width)))
    # ranks are evenly spread, so that the same share changes in each frame
    ranks = areas.ravel().argsort().argsort().reshape(height, width)
    return np.asarray(ranks * (2.0 / max(1, ranks.size - 1)) - 1, np.float32)


def later_weights(
    earlier: CarriedFrame, later: CarriedFrame, way: float, pattern: Weights, last: Weights, step: float
) -> Weights:
    """Weights of the later keyframe in a frame at ``way`` (0 to 1) between the two; ``feathered`` shows them.

    Args:
        earlier: the frame in terms of the keyframe before it.
        later: the same of the keyframe after it.
        way: share of the time between the two that is over.
        pattern: that of ``seam_pattern``, which moves with the content.
        last: the weights of the frame before, moved to this one. What is of the later keyframe stays so.
        step: how far weights may move in one frame, so that no area changes suddenly.
    """
    height, width = pattern.shape
    x, y = pixel_grid(height, width)
    place = x + earlier.coordinates.x, y + earlier.coordinates.y
    moved = cv2.remap(pattern, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    better = (earlier.difference - later.difference) / np.float32(_MATCH)
    filled = earlier.coordinates.is_filled.astype(np.float32) - later.coordinates.is_filled
    score = cv2.GaussianBlur(better + np.float32(_FILLED) * filled, (0, 0), _SMOOTH)
    score = score + np.float32(2 * way - 1) + np.float32(_SPREAD) * moved + np.float32(_HELD) * last
    wanted = (cv2.GaussianBlur(score, (0, 0), _ROUNDED) > 0).astype(np.float32)
    return np.asarray(last + np.clip(wanted - last, -step, step), np.float32)


def step_of(frames: int) -> float:
    """How far weights move in one frame of a stretch of so many ``frames``."""
    return min(1.0, max(1 / _FADE, 2 / frames))


def feathered(weights: Weights) -> Weights:
    """``weights`` with their edges smoothed."""
    return np.asarray(cv2.GaussianBlur(weights, (0, 0), _FEATHER), np.float32)


def blended(earlier: Array, later: Array, weights: Weights) -> Array:
    """Two carried paintings (H, W, C) of one size and depth: strokes meet at a seam, colours around it.

    A blend in two frequency bands (Burt and Adelson 1983): of paintings whose colours differ as a whole, no
    edge is seen where one ends and the other begins.
    """
    height, width = weights.shape
    narrow = feathered(weights)
    apart = later.astype(np.float32) - earlier
    sigma = max(1.0, _WIDE * max(height, width))
    coarse = cv2.GaussianBlur(
        cv2.resize(apart, (width, height), interpolation=cv2.INTER_AREA), (0, 0), sigma
    ).reshape(height, width, -1)
    change = coarse * (cv2.GaussianBlur(weights, (0, 0), sigma) - narrow)[..., None]
    share, added = (
        cv2.resize(each, earlier.shape[1::-1], interpolation=cv2.INTER_LINEAR) for each in (narrow, change)
    )
    mixed = earlier + apart * share[..., None] + added.reshape(apart.shape)
    result: Array = np.rint(np.clip(mixed, 0, np.iinfo(earlier.dtype).max)).astype(earlier.dtype)
    return result


def joined(earlier: Array, later: Array, weights: Weights) -> Array:
    """Two carried paintings (H, W, C) of one size and depth, joined at a short feather."""
    height, width = earlier.shape[:2]
    if weights.shape != (height, width):
        weights = np.asarray(cv2.resize(weights, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    apart = later.astype(np.float32) - earlier
    mixed: Array = np.rint(earlier + apart * weights[..., None]).astype(earlier.dtype)
    return mixed
