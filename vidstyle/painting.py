"""The painting of one clip: its style at each time, the moments of its shots, and only what is needed."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np

from vidstyle.engines.base import Moments
from vidstyle.engines.painter import Painter
from vidstyle.engines.styles import Styles, pushed
from vidstyle.frames import Frame
from vidstyle.temporal.paintmap import Need
from vidstyle.temporal.stylizer import Fresh

S = TypeVar("S")

_WHOLE = 8  # frames from one whole painting to the next: old paint takes its colours from these
_MUCH = 0.25  # of a frame: if more is needed it is painted whole, and its moments are worth knowing
_SMOOTH = 0.9  # of the moments of a shot that stays from one frame to the next


class ClipPainter(Generic[S]):
    """Paints the frames of one clip, in order; made anew for each clip, as its memory is the clip's.

    Args:
        painter: paints a frame.
        styles: what is painted in at each time.
        strength: above 1, the style is pushed away from the shot's own.
    """

    def __init__(self, painter: Painter[S], styles: Styles[S], strength: float) -> None:
        self._painter = painter
        self._styles = styles
        self._strength = strength
        self._own: Any = None  # the shot's own style, where it is pushed away from
        self._moments: Moments | None = None  # of the shot so far, smoothed
        self._since = 0  # frames since the last whole painting

    def __call__(self, frame: Frame, is_cut: bool, need: Need | None) -> Fresh:
        """Fresh paint of ``frame``, all of it where ``need`` is None."""
        if need is not None and need.share == 0 and not is_cut:
            self._since += 1
            return Fresh(frame.pixels, np.zeros(frame.pixels.shape[:2], np.bool_))
        style = self._styles.at(frame.time)
        if self._strength > 1:
            if is_cut or self._own is None:
                self._own = self._painter.encode(frame.pixels)
            style = pushed(self._painter.engine, style, self._own, self._strength)
        if need is None or is_cut or self._moments is None:
            self._moments = None
        elif self._since < _WHOLE - 1 and need.share < _MUCH:
            self._since += 1
            part = self._painter.paint_where(frame.pixels, style, self._moments, need.mask)
            return Fresh(part.pixels, part.valid)
        painted = self._painter.paint(frame.pixels, style)
        if self._moments is None or painted.moments is None:
            self._moments = painted.moments
        else:
            share = max(1 - _SMOOTH ** (self._since + 1), need.share if need is not None else 1.0)
            self._moments = self._moments.towards(painted.moments, share)
        self._since = 0
        return Fresh(painted.pixels)
