"""The user's painting of a keyframe, fitted to the clip, and what it looks like from other frames."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from vidstyle.flow.base import Array
from vidstyle.frames import Frame, Pixels, fitted
from vidstyle.video.stills import load_image

log = logging.getLogger(__name__)

_SHAPE = 0.02  # relative difference of aspect ratios: sizes are rounded to multiples of 8 or 64


def check_painting(path: Path, width: int, height: int) -> None:
    """Raise ``InputError`` if ``path`` cannot be read; warn if its shape is not that of the frame."""
    pixels = load_image(path).pixels
    ratio = pixels.shape[1] * height / (pixels.shape[0] * width)
    if abs(ratio - 1) > _SHAPE:
        log.warning(
            "%s is %dx%d and the clip %dx%d: it is stretched", path, *pixels.shape[1::-1], width, height
        )


def load_painting(path: Path, like: Pixels) -> Array:
    """The painting (H, W, 3) in the size and depth of ``like``; with alpha as a fourth channel if it has one.

    Raises ``InputError``.
    """
    picture = load_image(path)
    pixels: Array = fitted(picture.pixels, like)
    if picture.alpha is None:
        return pixels
    return np.dstack([pixels, fitted(picture.alpha, like)])


def over(painting: Array, frame: Frame) -> Pixels:
    """``painting`` (H, W, 3 or 4) over the frame, which shows where the painting is transparent."""
    if painting.shape[2] == 3:
        return cast(Pixels, painting)
    weight = painting[..., 3].astype(np.float32) / np.float32(np.iinfo(painting.dtype).max)
    if frame.bits == 8:
        return cast(Pixels, cv2.blendLinear(painting[..., :3].copy(), frame.pixels, weight, 1 - weight))
    apart = painting[..., :3].astype(np.float32) - frame.pixels
    return cast(Pixels, np.rint(frame.pixels + apart * weight[..., None]).astype(painting.dtype))
