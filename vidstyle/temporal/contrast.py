"""Frames of hardly any contrast: black and white ones, plain colours, and both ends of a fade."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vidstyle.frames import Pixels
from vidstyle.temporal.base import SteadyFrame
from vidstyle.temporal.compositing import mixed
from vidstyle.temporal.cuts import thumbnail

_SIDE = 40  # px, long side at which contrast is looked for: noise is averaged away
_NONE = 20.0  # levels of 255: frames of a smaller range are plain
_FULL = 50.0  # levels: frames of a larger range are painted as they are


def painted_share(pixels: Pixels) -> float:
    """The weight (0 to 1) of the painting of a frame ``pixels`` (H, W, 3) over the frame itself.

    0 for a frame of a single colour, as before a fade: an engine would paint it in the mean colour of the
    style, and what little there is at the beginning of a fade at the full contrast of the style. 1 for all
    frames whose colours, averaged over small squares, have a range of 50 levels or more.
    """
    extent = np.ptp(thumbnail(pixels, _SIDE).reshape(-1, 3).astype(np.float32), axis=0).max()
    return float(np.clip((extent - _NONE) / (_FULL - _NONE), 0.0, 1.0))


def with_plain(steady: SteadyFrame) -> SteadyFrame:
    """``steady`` with the frame itself where that has hardly any contrast, in the share that it has."""
    share = painted_share(steady.content.pixels)
    if share == 1.0:
        return steady
    return replace(steady, pixels=mixed(steady.content.pixels, steady.pixels, share))
