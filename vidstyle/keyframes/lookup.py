"""A keyframe's painting seen from another frame: sampled once, with smooth seams."""

from __future__ import annotations

import cv2
import numpy as np

from vidstyle.flow.base import Array
from vidstyle.keyframes.coordinates import Coordinates, pixel_grid, roughness

_FEATHER = ((-1, 0.25), (0, 0.5), (1, 0.25))  # px of the coordinates' grid, and weights, on either axis


def looked_up(picture: Array, coordinates: Coordinates) -> Array:
    """``picture`` (H, W, C) of the keyframe, seen from the frame; of any size, as the coordinates scale.

    Sampled once from the picture itself, so that strokes stay sharp however far they were carried. Where
    places of different things meet, those of the neighbours overlap by a pixel, for no jagged seam.
    """
    height, width = picture.shape[:2]
    rows, columns = coordinates.x.shape
    scale_x, scale_y = np.float32(width / columns), np.float32(height / rows)
    x, y = (
        cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
        for offset in (coordinates.x * scale_x, coordinates.y * scale_y)
    )
    own_x, own_y = pixel_grid(height, width)
    result: Array = cv2.remap(picture, own_x + x, own_y + y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    rough = roughness(coordinates).astype(np.uint8)
    is_rough = cv2.resize(rough, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    at_y, at_x = np.nonzero(is_rough)
    if len(at_x):
        result[at_y, at_x] = _overlapped(picture, coordinates, at_x, at_y, (scale_x, scale_y))
    return result


def preview(picture: Array, coordinates: Coordinates) -> Array:
    """``looked_up`` at the coordinates' own size, bilinear and without seams: for comparisons."""
    x, y = pixel_grid(*coordinates.x.shape)
    place = x + coordinates.x, y + coordinates.y
    return cv2.remap(picture, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _overlapped(
    picture: Array, coordinates: Coordinates, at_x: Array, at_y: Array, scale: tuple[np.float32, np.float32]
) -> Array:
    """The mean (N, C) of what the offsets of neighbours lead to, for pixels at seams."""
    rows, columns = coordinates.x.shape
    near_x, near_y = (at_x + 0.5) / scale[0] - 0.5, (at_y + 0.5) / scale[1] - 0.5
    total = np.zeros((len(at_x), picture.shape[2]), np.float32)
    for down, weight_y in _FEATHER:
        for right, weight_x in _FEATHER:
            column = np.clip(np.rint(near_x + right).astype(np.int32), 0, columns - 1)
            row = np.clip(np.rint(near_y + down).astype(np.int32), 0, rows - 1)
            x = (at_x + coordinates.x[row, column] * scale[0]).astype(np.float32)
            y = (at_y + coordinates.y[row, column] * scale[1]).astype(np.float32)
            total += np.float32(weight_x * weight_y) * _points(picture, x, y)
    rounded: Array = np.rint(total).astype(picture.dtype)
    return rounded


def _points(picture: Array, x: Array, y: Array) -> Array:
    """``picture`` (H, W, C) at N places: (N, C)."""
    # OpenCV takes maps of at most 32767 columns
    side = 1 << 14
    filled = -len(x) % side
    x, y = (np.pad(each, (0, filled)).reshape(-1, side) for each in (x, y))
    seen = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return seen.reshape(-1, picture.shape[2])[: x.size - filled]
