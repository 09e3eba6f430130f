"""Paint that sticks to things: every pixel of a result refers to where, and when, it was painted."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator, load_flow
from vidstyle.frames import Pixels
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import FrameMotion, RepaintMask
from vidstyle.temporal.paint_map.raster_map import RasterMap
from vidstyle.temporal.paint_map.settings import DEFAULTS, MapSettings


class PaintMap:
    """Makes separately painted frames of one shot agree. One per shot; knows nothing of the engine.

    For each frame call ``plan`` with its content, paint at least where it says, then call ``settle`` with
    the painting. No future frame is looked at, and memory does not grow. Old paint is shown as it was
    painted, or replaced. Two things are mixtures of paintings: the short fade from old to new, and the coarse
    colours that new paint takes over from the old. See docs/paint-map.md.
    """

    takes_motion: ClassVar[bool] = True

    def __init__(
        self,
        flow: FlowEstimator | None = None,
        *,
        flow_size: int | None = None,
        stability: float = 1.0,
        settings: MapSettings = DEFAULTS,
        raster: AnyRaster | None = None,
        side: Executor | None = None,
    ) -> None:
        """Begin a shot.

        Args:
            flow: estimates motion; that of a CPU if not given.
            flow_size: short side, px, at which motion is estimated; 432 or the frame's own if less.
            stability: 1 keeps paint as long as it holds; lower repaints sooner and in turn, above 0.
            settings: limits; the defaults were tuned on real clips.
            raster: where to compute; NumPy and OpenCV if not given.
            side: one thread in which results are stored and sampled while frames are painted; in the caller's
                if not given.
        """
        if not 0 < stability <= 1:
            raise OptionError(f"stability of a paint map must be above 0 and at most 1, got {stability}")
        self._map = RasterMap(
            raster if raster is not None else CvRaster(),
            flow if flow is not None else load_flow("auto", "cpu"),
            settings,
            flow_size=flow_size,
            stability=stability,
            side=side,
        )
        self._kind: tuple[tuple[int, ...], np.dtype[np.generic]] | None = None  # shape and type of all frames
        self.repainted = 1.0

    def plan(self, content: Pixels, *, renew: float = 0.0, motion: FrameMotion | None = None) -> RepaintMask:
        """Decide where the frame ``content`` (H, W, 3) uint8 or uint16 wants fresh paint.

        Args:
            content: the frame; all of a map have one size and depth.
            renew: share (0 to 1) of the way to another style that has been gone since the last frame.
            motion: from this frame to the last one planned, if ``lookahead.motions`` has estimated it.
        """
        if self._kind is not None and content.shape != self._kind[0]:
            (height, width, _), (other_height, other_width, *_) = self._kind[0], content.shape
            raise OptionError(
                f"frames of one paint map must have one size, {width}x{height} so far; "
                f"got {other_width}x{other_height}: begin a new map"
            )
        mask = self._map.plan(content, renew, motion)
        if self._kind is None:
            self._kind = content.shape, content.dtype
        return mask

    def settle(self, painted: Pixels, valid: NDArray[np.bool_] | None = None) -> Pixels:
        """The result for the planned frame, of the painting's type, size and depth.

        Args:
            painted: the painting, the size and depth of the content.
            valid: (H, W) bool, true where there is paint, at least where it was needed; None: everywhere.
        """
        if self._kind is None:
            raise OptionError("settle comes after plan: plan the frame first")
        if (painted.shape, painted.dtype) != self._kind:
            shape, dtype = self._kind
            raise OptionError(
                f"a painting must have the size and depth of its frame, {shape} {dtype}; "
                f"got {painted.shape} {painted.dtype}"
            )
        result = self._map.settle(painted, valid)
        self.repainted = self._map.repainted
        return result
