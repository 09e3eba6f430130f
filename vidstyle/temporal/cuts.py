"""Is this frame the first of a new shot? Told without looking ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import FrameTimecode
from scenedetect.detectors import ContentDetector

from vidstyle.frames import Pixels, eight_bits

_SIDE = 256  # px, long side at which frames are compared
_RATE = 25.0  # frames a second: the detector only counts frames
_THRESHOLD = 27.0  # PySceneDetect's own default of the mean change in hue, saturation and value
_SAME_PICTURE = 0.55  # correlation of local structure above which a jump in brightness is no cut
_FLASH = 6  # frames that a flash lasts at most
_STRUCTURE = 64  # px, long side for that comparison: small motion does not matter there


@dataclass(frozen=True, slots=True)
class Seen:
    """What a frame is to the shots around it."""

    is_cut: bool
    """A new shot begins here."""
    is_return: bool = False
    """What was shown before the last cut is shown again: that "shot" was a flash."""


class Cuts:
    """Finds cuts in the frames of one clip, in order; PySceneDetect's content detector, less flashes.

    A flash or a jump of the exposure changes brightness as much as a cut does, but not what is seen: there
    the structure of the picture, with local brightness and contrast taken out, stays. If it is burnt out,
    it comes back when the flash is over.
    """

    def __init__(self) -> None:
        self._detector: Any = ContentDetector(threshold=_THRESHOLD, min_scene_len=1)
        self._frame = 0
        self._structure: NDArray[np.float32] | None = None
        self._before_cut: NDArray[np.float32] | None = None
        self._cut = 0

    @property
    def is_flash_possible(self) -> bool:
        """Whether the last cut is so near that it may have been the beginning of a flash."""
        return self._before_cut is not None and self._frame - self._cut < _FLASH

    def look(self, pixels: Pixels) -> Seen:
        """What the next frame, ``pixels`` (H, W, 3) uint8 or uint16, is; the first begins a shot."""
        small = _small(pixels, _SIDE)
        code = FrameTimecode(self._frame, _RATE)
        found = bool(self._detector.process_frame(code, cv2.cvtColor(small, cv2.COLOR_RGB2BGR)))
        before, now = self._structure, _structure(small)
        self._structure = now
        self._frame += 1
        if before is None or before.shape != now.shape:
            self._before_cut = None
            return Seen(is_cut=True)
        if not found or _is_same(before, now):
            return Seen(is_cut=False)
        earlier, self._before_cut = self._before_cut, before
        is_return = earlier is not None and self._frame - self._cut <= _FLASH and _is_same(earlier, now)
        self._cut = self._frame
        if is_return:
            self._before_cut = None
        return Seen(is_cut=not is_return, is_return=is_return)


def _is_same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return float(np.mean(one * other)) >= _SAME_PICTURE


def _small(pixels: Pixels, side: int) -> NDArray[np.uint8]:
    eight = eight_bits(pixels)
    height, width = eight.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return eight
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # the nearest of evenly spaced lines first: averaging all of a large frame costs more than it tells
    return np.asarray(cv2.resize(eight, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _structure(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The picture with local mean 0 and local deviation 1: what is left of it under any light."""
    grey = cv2.cvtColor(_small(small, _STRUCTURE), cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 4)
    deviation = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 8))
    return np.asarray(detail / (deviation + 1.0), np.float32)
