"""How much of a frame the paint map will repaint, foretold from two thumbnails before anything is painted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.flow.dis import DIS, DISSettings
from vidstyle.frames import Pixels
from vidstyle.temporal.cuts import thumbnail

Grey = NDArray[np.uint8]  # (H, W)

_SIDE = 160  # px, long side of the thumbnails
_STRETCH = 10.0  # levels of 255 to a mean stretch of one px a px: 5, 20 and 40 foretell less well
# the preset's finest scale, 2, is too coarse for pictures of 160 px
_SEARCH = DIS(DISSettings(preset="ultrafast", alpha=None, iterations=None, finest_scale=1))


def grey_thumbnail(pixels: Pixels) -> Grey:
    """``pixels`` (H, W, 3) uint8 or uint16 as ``expected_repaint`` takes them."""
    grey: Grey = cv2.cvtColor(thumbnail(pixels, _SIDE), cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]
    return grey


def expected_repaint(before: Grey, now: Grey) -> float:
    """A number from 0 on that grows with the share of a frame that is repainted after the one ``before``.

    What is repainted is what motion does not explain, and what it stretches. So this is the difference
    (levels of 255) that is left after ``before`` is warped by a coarse optical flow, and the mean change of
    that flow from px to px. The two thumbnails are of one shot and of one size. ``docs/long-films.md`` says
    how well it agrees with what is repainted in the end.
    """
    height, width = now.shape
    motion = _SEARCH.searched(now, before, np.zeros((height, width, 2), np.float32))
    y, x = np.indices((height, width), np.float32)
    warped = cv2.remap(
        before, x + motion[..., 0], y + motion[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    unexplained = cv2.norm(now, warped, cv2.NORM_L1) / now.size
    stretch = sum(float(np.abs(np.diff(motion, axis=axis)).sum()) / now.size for axis in (0, 1))
    return unexplained + _STRETCH * stretch
