"""The user's painting of a keyframe, fitted to the clip, and what it looks like from other frames."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import cast

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
    """The painting (H, W, 3) in the size and depth of ``like``.

    If it has alpha, this is a fourth channel by which the colours are multiplied: what transparent pixels
    have as colours, often black, is not mixed into edges. Raises ``InputError``.
    """
    picture = load_image(path)
    if picture.alpha is None:
        return fitted(picture.pixels, like)
    weight = picture.alpha.astype(np.float32) / np.float32(np.iinfo(picture.alpha.dtype).max)
    colors = np.rint(picture.pixels * weight[..., None]).astype(picture.pixels.dtype)
    return np.dstack([fitted(cast(Pixels, colors), like), fitted(picture.alpha, like)])


def with_equal_channels(one: Array, other: Array) -> tuple[Array, Array]:
    """Two paintings of one size; one without alpha becomes opaque if the other has alpha."""
    if one.shape == other.shape:
        return one, other
    opaque = np.full(one.shape[:2], np.iinfo(one.dtype).max, one.dtype)
    first, second = (np.dstack([each, opaque]) if each.shape[2] == 3 else each for each in (one, other))
    return first, second


def over(painting: Array, frame: Frame) -> Pixels:
    """``painting`` (H, W, 3 or 4) over the frame, which shows where the painting is transparent."""
    if painting.shape[2] == 3:
        return cast(Pixels, painting)
    most = np.float32(np.iinfo(painting.dtype).max)
    mixed = painting[..., :3] + frame.pixels * (1 - painting[..., 3:] / most)
    return cast(Pixels, np.rint(np.minimum(mixed, most)).astype(painting.dtype))
