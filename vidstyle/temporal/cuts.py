"""Is this frame the first of a new shot? Told without looking ahead."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

from vidstyle.frames import Pixels

_SIDE = 256  # px, long side at which frames are compared
_RATE = 25.0  # frames a second: the detector only counts frames
_THRESHOLD = 27.0  # PySceneDetect's own default of the mean change in hue, saturation and value
_SAME_PICTURE = 0.55  # correlation of local structure above which a jump in brightness is no cut
_STRUCTURE = 64  # px, long side for that comparison: small motion does not matter there


class Cuts:
    """Finds cuts in the frames of one clip, in order; PySceneDetect's content detector, less flashes.

    A flash or a jump of the exposure changes brightness as much as a cut does, but not what is seen: there
    the structure of the picture, with local brightness and contrast taken out, stays.
    """

    def __init__(self) -> None:
        self._detector: Any = ContentDetector(threshold=_THRESHOLD, min_scene_len=1)
        self._frame = 0
        self._structure: NDArray[np.float32] | None = None

    def begins_with(self, pixels: Pixels) -> bool:
        """Whether a new shot begins with ``pixels`` (H, W, 3) uint8 or uint16; true for the first frame."""
        small = _small(pixels, _SIDE)
        code = FrameTimecode(self._frame, _RATE)
        found = self._detector.process_frame(code, cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        before, self._structure = self._structure, _structure(small)
        self._frame += 1
        if before is None:
            return True
        if not found or before.shape != self._structure.shape:
            return bool(found)
        return float(np.mean(before * self._structure)) < _SAME_PICTURE


def _small(pixels: Pixels, side: int) -> NDArray[np.uint8]:
    eight = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    height, width = eight.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return np.asarray(eight, np.uint8)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # the nearest of evenly spaced lines first: averaging all of a large frame costs more than it tells
    return np.asarray(cv2.resize(eight, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _structure(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The picture with local mean 0 and local deviation 1: what is left of it under any light."""
    grey = cv2.cvtColor(_small(small, _STRUCTURE), cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 4)
    deviation = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 8))
    return np.asarray(detail / (deviation + 1.0), np.float32)
