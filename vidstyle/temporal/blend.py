"""The classic: warp the last result, blend it in where forward and backward flow agree. For comparison."""

from __future__ import annotations

from concurrent.futures import Executor

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.errors import OptionError
from vidstyle.flow.base import Array, FlowEstimator, load_flow
from vidstyle.frames import Pixels
from vidstyle.temporal.backends.base import AnyRaster, View
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import FrameMotion, RepaintMask
from vidstyle.temporal.paint_map.settings import flow_shape

WEIGHT = 0.85  # of the warped last result where it can be trusted


class Blend:
    """Warps the last result along flow and mixes it with the fresh painting (Ruder et al. 2016, online form).

    Trust is Sundaram's rule (2010) as Ruder uses it: none where forward and backward flow disagree, none at
    motion boundaries, softened by 0.8 px. Steady, but soft: it averages about a dozen paintings.
    """

    def __init__(
        self,
        flow: FlowEstimator | None = None,
        *,
        flow_size: int | None = None,
        stability: float = 1.0,
        raster: AnyRaster | None = None,
        side: Executor | None = None,
    ) -> None:
        """Begin a shot; ``stability`` (above 0, at most 1) scales the weight of the past.

        ``raster`` and ``side`` are what every method is given; a blend, there for comparison, computes on the
        CPU and in the caller's thread.
        """
        if not 0 < stability <= 1:
            raise OptionError(f"stability of a blend must be above 0 and at most 1, got {stability}")
        self._flow = flow if flow is not None else load_flow("auto", "cpu")
        self._flow_size = flow_size
        self._weight = WEIGHT * stability
        self._raster = CvRaster()
        self._view: View | None = None
        self._back: tuple[Array, Array] | None = None  # the last frame's motion, where a search may begin
        self._forth: tuple[Array, Array] | None = None
        self._result: NDArray[np.float32] | None = None
        self._now: View | None = None
        self.repainted = 1.0

    def plan(self, content: Pixels, *, renew: float = 0.0, motion: FrameMotion | None = None) -> RepaintMask:
        """Look at the frame ``content`` (H, W, 3) uint8 or uint16; a blend wants all of it painted."""
        height, width = content.shape[:2]
        self._now = self._raster.view(content, *flow_shape((height, width), self._flow_size), self._flow)
        return RepaintMask(np.ones((height, width), np.bool_), 1.0)

    def settle(self, painted: Pixels, valid: NDArray[np.bool_] | None = None) -> Pixels:
        """The planned frame's ``painted`` (H, W, 3) mixed with the warped last result; all is ``valid``."""
        paint = painted.astype(np.float32)
        if self._result is None or self._now is None or self._view is None:
            self._result = paint
        else:
            height, width = painted.shape[:2]
            self._back = self._raster.motion(self._flow, self._now, self._view, self._back)
            self._forth = self._raster.motion(self._flow, self._view, self._now, self._forth)
            back, forth = (self._sized(motion, height, width) for motion in (self._back, self._forth))
            x, y = self._raster.grid(height, width)
            x, y = x + back[0], y + back[1]
            trust = _trust(back, forth, x, y) * np.float32(self._weight)
            # bicubic: bilinear would blur the past a second time
            past = cv2.remap(self._result, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            self._result = paint + (past - paint) * trust[..., None]
        self._view = self._now
        full = np.iinfo(painted.dtype).max
        mixed: Pixels = np.clip(np.rint(self._result), 0, full).astype(painted.dtype)  # type: ignore[assignment]
        return mixed

    def _sized(self, motion: tuple[Array, Array], height: int, width: int) -> tuple[Array, Array]:
        fx, fy = motion
        ratio_y, ratio_x = height / fx.shape[0], width / fx.shape[1]
        grown = [self._raster.resized(plane, height, width) for plane in (fx, fy)]
        return grown[0] * np.float32(ratio_x), grown[1] * np.float32(ratio_y)


def _trust(back: tuple[Array, Array], forth: tuple[Array, Array], x: Array, y: Array) -> Array:
    """1 where the past can be trusted, 0 where not (Sundaram et al. 2010, eq. 5 and 6)."""
    there = [cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for plane in forth]
    sum_square = (back[0] + there[0]) ** 2 + (back[1] + there[1]) ** 2
    length = back[0] ** 2 + back[1] ** 2
    is_occluded = sum_square >= 0.01 * (length + there[0] ** 2 + there[1] ** 2) + 0.5
    slopes = [slope for plane in back for slope in CvRaster().slope(plane)]
    is_boundary = sum(slope**2 for slope in slopes) > 0.01 * length + 0.002
    trust = np.where(is_occluded, np.float32(-255), np.where(is_boundary, np.float32(0), np.float32(255)))
    height, width = x.shape
    is_inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    soft = np.clip(cv2.GaussianBlur(trust, (0, 0), 0.8), 0, 255) / np.float32(255)
    return np.asarray(soft * is_inside, np.float32)
