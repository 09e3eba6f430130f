"""The painting of one clip: its style at each time, and the moments that its shots are painted with."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from vidstyle.engines.painter import Painter
from vidstyle.engines.styles import Styles, pushed
from vidstyle.frames import Frame, Pixels
from vidstyle.temporal.paintmap import Need

S = TypeVar("S")


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

    def __call__(self, frame: Frame, is_cut: bool, need: Need | None) -> Pixels:
        """The painted pixels of ``frame``, of its size and depth; any pixels where nothing is needed."""
        if need is not None and need.share == 0 and not is_cut:
            return frame.pixels
        style = self._styles.at(frame.time)
        if self._strength > 1:
            if is_cut or self._own is None:
                self._own = self._painter.encode(frame.pixels)
            style = pushed(self._painter.engine, style, self._own, self._strength)
        return self._painter.paint(frame.pixels, style).pixels
