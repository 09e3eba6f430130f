"""The warning that a stream with one rate for all pictures loses their uneven times."""

from __future__ import annotations

import logging
from fractions import Fraction

from vidstyle.frames import Frame

log = logging.getLogger(__name__)

_TOLERANCE = Fraction(1, 2)  # frames: largest deviation from a constant rate


class EvenTimes:
    """Compares the times of frames with those of a constant ``rate`` (frames a second), and warns once."""

    def __init__(self, rate: Fraction, name: str) -> None:
        self._rate, self._name = rate, name
        self._count = 0  # frames
        self._has_warned = False

    def check(self, frame: Frame) -> None:
        """Warn if ``frame``, the next one, is not where the constant rate puts it."""
        if not self._has_warned and abs(frame.time * self._rate - self._count) > _TOLERANCE:
            log.warning(
                "%s has one rate for all pictures: their uneven times are lost (--format nut keeps them)",
                self._name,
            )
            self._has_warned = True
        self._count += 1
