"""The edges of a carried mask, laid along the outlines of the frame."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidstyle.flow.base import Array
from vidstyle.frames import Pixels
from vidstyle.nn.guided_filter import guided

_LINES = 270  # short side of the grid on which edges are fitted, about
_RADIUS = 16  # cells of that grid, in which the mask is fitted to the frame's colours
_SLACK = 1e-4  # variance of the frame (of 0 to 1, squared) that counts as flat
_NEAR = 8  # cells: the extremes that near places had are kept
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
    pad = (0, rows * cell - height, 0, columns * cell - width)
    guide = cv2.copyMakeBorder(frame, *pad, cv2.BORDER_REPLICATE)
    sized = cv2.copyMakeBorder(_resized(mask, height, width), *pad, cv2.BORDER_REPLICATE)
    scale = 1 / float(np.iinfo(frame.dtype).max)
    with torch.inference_mode():
        fitted = guided(
            torch.from_numpy(sized)[None, None],
            torch.from_numpy(guide.astype(np.float32) * np.float32(scale)).permute(2, 0, 1)[None],
            radius=_RADIUS,
            slack=_SLACK,
            cell=cell,
        )[0, 0].numpy()[:height, :width]
    coarse = _resized(mask, rows, columns)
    window = np.ones((2 * _NEAR + 1, 2 * _NEAR + 1), np.uint8)
    low, high = (_resized(each(coarse, window), height, width) for each in (cv2.erode, cv2.dilate))
    spread = high - low
    share = (fitted - low) / np.maximum(spread, np.float32(1e-6))
    steep = np.clip((share - 0.5) * np.float32(_STEEP) + 0.5, 0, 1)
    return np.asarray(low + spread * steep, np.float32)


def _resized(mask: Array, height: int, width: int) -> NDArray[np.float32]:
    if mask.shape == (height, width):
        return np.asarray(mask, np.float32)
    way = cv2.INTER_AREA if height * width < mask.size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, (width, height), interpolation=way), np.float32)
