"""The temporal method ``blend``, for comparison: the warped last result is averaged with the painting."""

from __future__ import annotations

from concurrent.futures import Executor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.errors import OptionError
from vidstyle.flow.base import Array, FlowEstimator, GreyEstimator, load_flow
from vidstyle.frames import Pixels
from vidstyle.named_tensors import Tensors, copied
from vidstyle.temporal.backends.base import AnyRaster, FlowInput
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import FrameMotion, RepaintMask
from vidstyle.temporal.paint_map.settings import flow_shape

WEIGHT = 0.85  # of the warped last result where the flow is consistent


class Blend:
    """Warps the last result along flow and mixes it with the fresh painting, frame by frame.

    Weights are those of Ruder et al. 2016, section 4.1, after Sundaram et al. 2010: 0 where forward and
    backward flow are inconsistent and at motion boundaries, smoothed by 0.8 px. Blurs: each result averages
    about a dozen paintings.
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
        """Begin a shot; ``stability`` (above 0, at most 1, else ``OptionError``) scales ``WEIGHT``.

        ``raster`` and ``side`` are unused: it computes on the CPU and in the caller's thread.
        """
        if not 0 < stability <= 1:
            raise OptionError(f"stability of a blend must be above 0 and at most 1, got {stability}")
        self._flow = flow if flow is not None else load_flow("auto", "cpu")
        self._flow_size = flow_size
        self._weight = WEIGHT * stability
        self._raster = CvRaster()
        self._last_input: FlowInput | None = None
        # flow of the last frame, which is the initial estimate for the next
        self._backward: tuple[Array, Array] | None = None
        self._forward: tuple[Array, Array] | None = None
        self._result: NDArray[np.float32] | None = None
        self._input: FlowInput | None = None
        self.repainted = 1.0

    def plan(self, content: Pixels, *, renew: float = 0.0, motion: FrameMotion | None = None) -> RepaintMask:
        """The repaint mask, true everywhere, of the frame ``content`` (H, W, 3) uint8 or uint16."""
        height, width = content.shape[:2]
        self._input = self._raster.flow_input(
            content, *flow_shape((height, width), self._flow_size), self._flow
        )
        return RepaintMask(np.ones((height, width), np.bool_), 1.0)

    def settle(self, painted: Pixels, valid: NDArray[np.bool_] | None = None) -> Pixels:
        """``painted`` (H, W, 3) mixed with the warped last result; ``valid`` is ignored."""
        paint = painted.astype(np.float32)
        if self._result is None or self._input is None or self._last_input is None:
            self._result = paint
        else:
            height, width = painted.shape[:2]
            self._backward = self._raster.estimate_motion(
                self._flow, self._input, self._last_input, self._backward
            )
            self._forward = self._raster.estimate_motion(
                self._flow, self._last_input, self._input, self._forward
            )
            backward, forward = (
                self._sized(motion, height, width) for motion in (self._backward, self._forward)
            )
            x, y = self._raster.grid(height, width)
            x, y = x + backward[0], y + backward[1]
            trust = _trust(backward, forward, x, y) * np.float32(self._weight)
            # bicubic: repeated bilinear resampling blurs
            past = cv2.remap(self._result, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            self._result = paint + (past - paint) * trust[..., None]
        self._last_input = self._input
        full = np.iinfo(painted.dtype).max
        mixed: Pixels = np.clip(np.rint(self._result), 0, full).astype(painted.dtype)  # type: ignore[assignment]
        return mixed

    def tensors(self) -> dict[str, Tensor]:
        """All that it remembers, by name: copies on the CPU."""
        kept: dict[str, Tensor] = {}
        if self._last_input is not None:
            kept["input"] = _as_tensor(self._last_input)
        if self._result is not None:
            kept["result"] = _as_tensor(self._result)
        for name, motion in (("backward", self._backward), ("forward", self._forward)):
            kept |= {f"{name}{place}": _as_tensor(plane) for place, plane in enumerate(motion or ())}
        return kept

    def restore(self, tensors: Tensors) -> None:
        """Go on from what ``tensors`` gave; raises ``KeyError`` if something is missing."""
        kept = tensors["input"].clone()
        self._last_input = kept.numpy() if isinstance(self._flow, GreyEstimator) else kept
        self._result = tensors["result"].numpy().copy()
        if "backward0" in tensors:
            self._backward, self._forward = (
                (tensors[f"{name}0"].numpy().copy(), tensors[f"{name}1"].numpy().copy())
                for name in ("backward", "forward")
            )

    def _sized(self, motion: tuple[Array, Array], height: int, width: int) -> tuple[Array, Array]:
        fx, fy = motion
        ratio_y, ratio_x = height / fx.shape[0], width / fx.shape[1]
        grown = [self._raster.resize(plane, height, width) for plane in (fx, fy)]
        return grown[0] * np.float32(ratio_x), grown[1] * np.float32(ratio_y)


def _as_tensor(values: FlowInput | Array) -> Tensor:
    return copied(values if isinstance(values, Tensor) else torch.from_numpy(values))


def _trust(backward: tuple[Array, Array], forward: tuple[Array, Array], x: Array, y: Array) -> Array:
    """1 where the warped last result is used, 0 where not (Sundaram et al. 2010, eq. 5 and 6)."""
    there = [cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for plane in forward]
    sum_square = (backward[0] + there[0]) ** 2 + (backward[1] + there[1]) ** 2
    length = backward[0] ** 2 + backward[1] ** 2
    is_occluded = sum_square >= 0.01 * (length + there[0] ** 2 + there[1] ** 2) + 0.5
    slopes = [slope for plane in backward for slope in CvRaster().gradient(plane)]
    is_boundary = sum(slope**2 for slope in slopes) > 0.01 * length + 0.002
    trust = np.where(is_occluded, np.float32(-255), np.where(is_boundary, np.float32(0), np.float32(255)))
    height, width = x.shape
    is_inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    soft = np.clip(cv2.GaussianBlur(trust, (0, 0), 0.8), 0, 255) / np.float32(255)
    return np.asarray(soft * is_inside, np.float32)
