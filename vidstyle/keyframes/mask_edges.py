"""The edges of a carried mask, laid along the outlines of the frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.flow.base import Array
from vidstyle.frames import Pixels

_LINES = 270  # short side of the grid on which edges are fitted, about
_RADIUS = 16  # cells of that grid, in which the mask is fitted to the frame's colours
_SLACK = 1e-4  # variance of the frame (of 0 to 1, squared) that counts as flat
_NEAR = 8  # cells: the extremes that near places had are kept
_FURTHER = 2  # cells: at the border of what is near they fall off, and traces there would become steep, too
_STEEP = 4.0  # how much steeper a fitted edge becomes between these extremes


def along_outlines(mask: NDArray[np.float32], frame: Pixels) -> NDArray[np.float32]:
    """``mask`` (h, w) in [0, 1] at the size of ``frame`` (H, W, 3), with edges where the frame's are.

    The mask becomes a local linear function of the frame's colours (guided filter, He et al. 2010). That
    blurs it where colours do not tell the sides apart, so edges are made steeper between the extremes that
    the mask has nearby; wide soft edges stay as they are.
    """
    height, width = frame.shape[:2]
    cell = max(1, round(min(height, width) / _LINES))
    rows, columns = -(-height // cell), -(-width // cell)
    coarse = _resized(mask, rows, columns)
    fitted = _fitted(coarse, frame)
    near, wider = (
        [_resized(each(coarse, _window(reach)), height, width) for each in (cv2.erode, cv2.dilate)]
        for reach in (_NEAR, _NEAR + _FURTHER)
    )
    low, spread = wider[0], wider[1] - wider[0]
    share = (fitted - low) / np.maximum(spread, np.float32(1e-6))
    steep = np.clip((share - 0.5) * np.float32(_STEEP) + 0.5, 0, 1)
    return np.asarray(np.clip(low + spread * steep, near[0], near[1]), np.float32)


def _window(reach: int) -> NDArray[np.uint8]:
    return np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)


def _fitted(mask: NDArray[np.float32], frame: Pixels) -> NDArray[np.float32]:
    """``mask`` (h, w) as a·colour + b of ``frame`` (H, W, 3), at its size; a and b are fitted in windows.

    Means of windows by running sums, which ``nn.guided_filter`` avoids: there parts must equal the whole.
    """
    height, width = frame.shape[:2]
    rows, columns = mask.shape
    colours = frame.astype(np.float32) * np.float32(1 / float(np.iinfo(frame.dtype).max)) - np.float32(0.5)
    small = colours
    if colours.shape[:2] != mask.shape:
        small = np.asarray(cv2.resize(colours, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
    mean, value = _means(small), _means(mask)
    covariance = _means(small * mask[..., None]) - mean * value[..., None]
    pairs = [_means(small * np.roll(small, -turn, 2)) - mean * np.roll(mean, -turn, 2) for turn in (0, 1)]
    own, mixed = pairs  # of red, green, blue; of red·green, green·blue, blue·red
    a, d, f = (own[..., each] + np.float32(_SLACK) for each in range(3))
    b, e, c = (mixed[..., each] for each in range(3))
    x, y, z = (covariance[..., each] for each in range(3))
    # by Cramer's rule for the symmetric matrix (a b c; b d e; c e f)
    determinant = a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d)
    slope = np.dstack(
        [
            (d * f - e * e) * x + (c * e - b * f) * y + (b * e - c * d) * z,
            (c * e - b * f) * x + (a * f - c * c) * y + (b * c - a * e) * z,
            (b * e - c * d) * x + (b * c - a * e) * y + (a * d - b * b) * z,
        ]
    )
    slope /= determinant[..., None]
    offset = value - (slope * mean).sum(2)
    slope, offset = _means(slope), _means(offset)
    if (rows, columns) != (height, width):
        slope, offset = (cv2.resize(each, (width, height)) for each in (slope, offset))
    return np.asarray((slope * colours).sum(2) + offset, np.float32)


def _means(values: Array) -> NDArray[np.float32]:
    """Means over the windows."""
    side = 2 * _RADIUS + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT_101), np.float32)


def _resized(mask: Array, height: int, width: int) -> NDArray[np.float32]:
    if mask.shape == (height, width):
        return np.asarray(mask, np.float32)
    way = cv2.INTER_AREA if height * width < mask.size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, (width, height), interpolation=way), np.float32)
