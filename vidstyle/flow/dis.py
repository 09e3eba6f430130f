"""Dense inverse search: optical flow that needs no weights and is fast on a CPU (Kroeger et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.flow import ground
from vidstyle.flow.base import Array, FlowInfo

_SMALLEST = 32  # px: DIS needs this for its pyramid

_VERSION = 4  # of the processing before and after OpenCV's search
_COARSE = 8  # px to one px of the pictures on which contrast is measured
_DEVIATION = 40.0  # levels of 255: standard deviation after equalising local contrast
_NOISE = 6.0  # levels: smaller deviations are not raised to full contrast
_FAST = 4.0  # px a frame: slower motion does not blur
# smoothness where motion is fast: blurred areas take their motion from their surroundings
_FAST_ALPHA = 160.0
_FAST_ITERATIONS = 30

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@dataclass(frozen=True, slots=True)
class DISSettings:
    """One setting of OpenCV's DIS; the default was tuned against RAFT's flow on real clips."""

    preset: str = "fast"
    """ultrafast, fast or medium: OpenCV's own presets, which the fields below refine"""
    alpha: float | None = 80.0
    """weight of smoothness in the variational refinement (OpenCV: 20); at least 160 in fast pictures"""
    iterations: int | None = 7
    """fixed-point iterations of the variational refinement (OpenCV: 5); at least 30 in fast pictures"""
    finest_scale: int | None = 1
    """finest pyramid level that is searched, 0 is full size (OpenCV: 1; 2 in the fast presets)"""
    is_levelled: bool = True
    """whether local contrast is equalised, and the refinement smoother and longer, where most of the picture
    moves fast: motion blur removes contrast"""
    is_grounded: bool = True
    """whether motion on even ground beside moving things is corrected (see ``ground``)"""


_REFINER = DISSettings(iterations=3, finest_scale=2, is_levelled=False, is_grounded=False)


class DIS:
    """Estimates flow by dense inverse search on grey pictures.

    Args:
        settings: preset and refinement.
        device: that of the pictures; it computes on the CPU all the same.
    """

    info: ClassVar[FlowInfo] = FlowInfo(devices=frozenset({"cpu"}), scoring=2)

    def __init__(
        self,
        settings: DISSettings = DISSettings(),  # a frozen record
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        self.settings = settings

    def refiner(self) -> DIS:
        """A faster search for small, smooth motion."""
        return DIS(_REFINER)

    @property
    def identity(self) -> str:
        """Two estimators of the same identity give the same motion; for cache keys."""
        return f"dis|{_VERSION}|{self.settings}"

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        """Motion (B, 2, H, W) float32 in px from ``source`` to ``target``, (B, 3, H, W) in [0, 1]."""
        pairs = zip(_grey(source), _grey(target), strict=True)
        motions = [self.between(a, b) for a, b in pairs]
        flows = [torch.from_numpy(motion).permute(2, 0, 1) for motion in motions]
        return torch.stack(flows).to(source.device)

    def between(
        self, source: NDArray[np.uint8], target: NDArray[np.uint8], guess: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Motion (H, W, 2) float32 in px, x first, between two grey pictures (H, W) uint8.

        ``guess``, such as the motion of the frame before, is where the search starts if it fits better.
        """
        flow = guess if guess is not None else self._searched(source, target, None)
        if self.settings.is_levelled and _is_fast(flow):
            fast = DIS(
                replace(
                    self.settings,
                    alpha=max(self.settings.alpha or 0.0, _FAST_ALPHA),
                    iterations=max(self.settings.iterations or 0, _FAST_ITERATIONS),
                )
            )
            flow = fast._searched(levelled(source), levelled(target), flow)
        elif guess is not None:
            flow = self._searched(source, target, guess)
        return ground.held(source, target, flow) if self.settings.is_grounded else flow

    def _searched(
        self, source: NDArray[np.uint8], target: NDArray[np.uint8], guess: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        if guess is None or not _fits(source, target, guess):
            guess = np.zeros((*source.shape, 2), np.float32)
        return self.searched(source, target, guess)

    def searched(
        self, source: NDArray[np.uint8], target: NDArray[np.uint8], start: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Motion as in ``between`` by OpenCV's search alone, starting from ``start`` (H, W, 2) in px."""
        height, width = source.shape
        # OpenCV starts from the contents of the output array
        flow = start.copy()
        short = (max(0, _SMALLEST - height), max(0, _SMALLEST - width))
        if any(short):
            source, target, flow = (_extended(each, *short) for each in (source, target, flow))
        # a new object each time: OpenCV's holds buffers, and several threads may call this
        self._search().calc(source, target, flow)
        return flow[:height, :width]

    def _search(self) -> cv2.DISOpticalFlow:
        search = cv2.DISOpticalFlow.create(_PRESETS[self.settings.preset])
        if self.settings.alpha is not None:
            search.setVariationalRefinementAlpha(self.settings.alpha)
        if self.settings.iterations is not None:
            search.setVariationalRefinementIterations(self.settings.iterations)
        if self.settings.finest_scale is not None:
            search.setFinestScale(self.settings.finest_scale)
        return search


def levelled(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``grey`` (H, W) with about the same local mean and deviation everywhere."""
    height, width = grey.shape
    size = max(1, width // _COARSE), max(1, height // _COARSE)
    # 16 bits: with means rounded to whole levels the deviation of even ground would be noise
    lifted = cv2.multiply(grey, np.full(1, 256.0), dtype=cv2.CV_16U)
    squares = cv2.multiply(grey, grey, dtype=cv2.CV_16U)
    mean, square = (
        cv2.GaussianBlur(cv2.resize(each, size, interpolation=cv2.INTER_AREA).astype(np.float32), (0, 0), 2.5)
        for each in (lifted, squares)
    )
    mean = mean * np.float32(1 / 256)
    gain = _DEVIATION / (np.sqrt(np.maximum(square - mean * mean, 0)) + _NOISE)
    full_gain, offset = (cv2.resize(each, (width, height)) for each in (gain, gain * mean))
    raised = cv2.multiply(grey, full_gain, dtype=cv2.CV_32F)
    return np.asarray(cv2.addWeighted(raised, 1, offset, -1, 128, dtype=cv2.CV_8U), np.uint8)


def _is_fast(motion: NDArray[np.float32]) -> bool:
    """Whether half of the picture moves far in one frame."""
    return bool(np.median(np.abs(motion[::8, ::8]).max(2)) > _FAST)


def _extended(picture: Array, lines: int, columns: int) -> Array:
    return cv2.copyMakeBorder(picture, 0, lines, 0, columns, cv2.BORDER_REPLICATE)


def _fits(source: NDArray[np.uint8], target: NDArray[np.uint8], guess: NDArray[np.float32]) -> bool:
    """Whether ``target`` warped by ``guess`` is closer to ``source`` than without warping."""
    height, width = source.shape
    size = max(1, width // 4), max(1, height // 4)
    here, there = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (source, target))
    x, y = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    flow = cv2.resize(guess, size)
    x, y = x + flow[..., 0] * np.float32(size[0] / width), y + flow[..., 1] * np.float32(size[1] / height)
    moved = cv2.remap(there, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float(cv2.absdiff(here, moved).mean()) < float(cv2.absdiff(here, there).mean())


def _grey(images: Tensor) -> list[NDArray[np.uint8]]:
    weights = images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    grey = (images * weights).sum(1).clamp(0, 1).mul(255).round().byte()
    return list(grey.cpu().numpy())
