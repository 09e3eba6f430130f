"""The shots of a clip, told apart frame by frame; flashes belong to none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vidstyle.frames import Pixels
from vidstyle.temporal.cuts import Cuts

NO_SHOT = -1
"""The shot of the frames of a flash: they show no content to carry paint along."""


class Shots:
    """Numbers the shots of one clip; its frames are looked at in order."""

    def __init__(self) -> None:
        self._cuts = Cuts()
        self._numbers: list[int] = []
        self._made = 0
        self.interrupted = NO_SHOT
        """The shot that continues if the one that began last is a flash."""

    def look(self, pixels: Pixels) -> int:
        """The shot of the next frame, ``pixels`` (H, W, 3), or ``NO_SHOT``.

        If a shot continues here after a flash, the frames between lose the shot that they were given.
        """
        boundary = self._cuts.look(pixels)
        numbers, index = self._numbers, len(self._numbers)
        shot = numbers[-1] if numbers else NO_SHOT
        if boundary.is_return:
            begun = next(
                (place for place in range(index, 0, -1) if numbers[place - 1] == self.interrupted), 0
            )
            numbers[begun:] = [NO_SHOT] * (index - begun)
            shot = self.interrupted
        elif boundary.is_cut:
            self.interrupted = self.interrupted if shot == NO_SHOT else shot
            shot, self._made = self._made, self._made + 1
        elif boundary.is_blank:
            self.interrupted, shot = shot, NO_SHOT
        numbers.append(shot)
        return shot

    def numbers(self) -> NDArray[np.int32]:
        """The shot of each frame so far, or ``NO_SHOT``."""
        return np.array(self._numbers, np.int32)
