"""Frames of hardly any contrast: black and white ones, plain colours, and both ends of a fade."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import cv2
import numpy as np

from vidstyle.frames import Pixels, eight_bits
from vidstyle.temporal.base import SteadyFrame

_SIDE = 40  # px, long side at which contrast is looked for: noise is averaged away
_NONE = 20.0  # levels of 255: frames of a smaller range are plain
_FULL = 50.0  # levels: frames of a larger range are painted as they are


def painted_share(pixels: Pixels) -> float:
    """The weight (0 to 1) of the painting of a frame ``pixels`` (H, W, 3) over the frame itself.

    0 for a frame of a single colour, as before a fade: an engine would paint it in the mean colour of the
    style, and what little there is at the beginning of a fade at the full contrast of the style. 1 for all
    frames whose colours, averaged over small squares, have a range of 50 levels or more.
    """
    height, width = pixels.shape[:2]
    size = tuple(max(1, round(side * min(1.0, _SIDE / max(height, width)))) for side in (width, height))
    # four samples a px, as averaging all of a large frame takes long
    some = cv2.resize(pixels, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR)
    small = eight_bits(cast(Pixels, cv2.resize(some, size, interpolation=cv2.INTER_AREA)))
    extent = np.ptp(small.reshape(-1, 3).astype(np.float32), axis=0).max()
    return float(np.clip((extent - _NONE) / (_FULL - _NONE), 0.0, 1.0))


def shown(pixels: Pixels, painting: Pixels, share: float) -> Pixels:
    """``painting`` over the frame ``pixels`` (H, W, 3; one depth) with the weight ``share`` (0 to 1)."""
    return cast(Pixels, cv2.addWeighted(pixels, 1.0 - share, painting, share, 0.0))


def with_plain(steady: SteadyFrame) -> SteadyFrame:
    """``steady`` with the frame itself where that has hardly any contrast, in the share that it has."""
    share = painted_share(steady.content.pixels)
    if share == 1.0:
        return steady
    return replace(steady, pixels=shown(steady.content.pixels, steady.pixels, share))
