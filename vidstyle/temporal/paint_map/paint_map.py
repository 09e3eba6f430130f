"""The temporal method ``map``: old paint is warped along motion, and repainted where it no longer fits."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import ClassVar, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator, load_flow
from vidstyle.frames import Pixels
from vidstyle.temporal.backends.base import AnyRaster, Number
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import FrameMotion, RepaintMask
from vidstyle.temporal.paint_map.raster_map import RasterMap
from vidstyle.temporal.paint_map.settings import DEFAULTS, MapSettings
from vidstyle.tensors import Samples, full_scale

A = TypeVar("A", bound=Samples)


class PaintMap:
    """Makes the separately painted frames of one shot temporally consistent; works with any engine.

    For each frame call ``plan`` with its content, paint at least where the repaint mask is true, then call
    ``settle`` with the painting. Causal (no future frame is used) and of constant memory. Old paint is either
    sampled as it was painted or replaced; only the short fade from old to new paint, and the low-pass colours
    that new paint takes from old, mix paintings. See docs/paint-map.md.
    """

    takes_motion: ClassVar[bool] = True
    takes_tensors: ClassVar[bool] = True

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
        """Begin a shot; raises ``OptionError`` if ``stability`` is out of range.

        Args:
            flow: estimates motion; None: the default estimator of a CPU.
            flow_size: short side, px, at which motion is estimated, at most the frame's own; None: 432.
            stability: above 0, at most 1, which keeps paint within the limits of ``settings``; less tightens
                them and repaints patches periodically.
            settings: limits and rates.
            raster: the backend; None: NumPy and OpenCV.
            side: an executor of one thread that stores and samples results while frames are painted; None:
                the caller's thread does.
        """
        if not 0 < stability <= 1:
            raise OptionError(f"stability of a paint map must be above 0 and at most 1, got {stability}")
        self._raster: AnyRaster = raster if raster is not None else CvRaster()
        self._map = RasterMap(
            self._raster,
            flow if flow is not None else load_flow("auto", "cpu"),
            settings,
            flow_size=flow_size,
            stability=stability,
            side=side,
        )
        self._format: tuple[int, ...] | None = None  # of frames
        self.repainted: Number = 1.0

    def plan(
        self, content: Pixels | Tensor, *, renew: float = 0.0, motion: FrameMotion | None = None
    ) -> RepaintMask:
        """The repaint mask of the frame ``content``.

        Args:
            content: (H, W, 3), or the same on the backend's device; all frames of a map have one size and
                depth.
            renew: change of style since the last frame, as a share (0 to 1) of a whole transition.
            motion: from this frame to the last one planned, if ``lookahead.motions`` has estimated it.

        Raises:
            OptionError: the frame's size or depth differs from the first one's.
        """
        if self._format is not None and _format(content) != self._format:
            raise OptionError(
                f"frames of one paint map must have one size and depth, {_named(self._format)} so far; "
                f"got {_named(_format(content))}: begin a new map"
            )
        mask = self._map.plan(content, renew, motion)
        if self._format is None:
            self._format = _format(content)
        return mask

    def settle(self, painted: A, valid: NDArray[np.bool_] | Tensor | None = None) -> A:
        """The result for the planned frame, of the painting's size and depth, and where that is.

        Args:
            painted: (H, W, 3), the painting, of the content's size and depth.
            valid: (H, W) bool, true where there is paint, at least in the repaint mask; None: everywhere.

        Raises:
            OptionError: no frame was planned, or the painting's size or depth is not its frame's.
        """
        if self._format is None:
            raise OptionError("settle comes after plan: plan the frame first")
        if _format(painted) != self._format:
            raise OptionError(
                f"a painting must have the size and depth of its frame, {_named(self._format)}; "
                f"got {_named(_format(painted))}"
            )
        result = self._map.settle(painted, valid)
        self.repainted = self._map.repainted
        if isinstance(result, Tensor) and not isinstance(painted, Tensor):
            result, _ = self._raster.download(result, 1.0)()
        return cast(A, result)

    def tensors(self) -> dict[str, Tensor]:
        """All that it remembers, by name: copies on the CPU; raises ``OptionError`` before ``settle``."""
        if self._format is None:
            raise OptionError("a paint map has no state before its first frame: plan and settle one first")
        return self._map.tensors()

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what ``tensors`` gave; raises ``KeyError`` if something is missing."""
        self._format = _format(self._map.restore(tensors))


def _format(samples: Samples) -> tuple[int, ...]:
    """Bits of a sample, height, width and channels."""
    return 8 if full_scale(samples) == 255 else 16, *samples.shape


def _named(form: tuple[int, ...]) -> str:
    bits, height, width, *_ = form
    return f"{width}x{height} uint{bits}"
