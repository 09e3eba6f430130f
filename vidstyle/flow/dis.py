"""Dense inverse search: optical flow that needs no weights and is fast on a CPU (Kroeger et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_SMALLEST = 32  # px: a shorter side leaves DIS no pyramid

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
    """weight of smoothness in the variational refinement (OpenCV: 20)"""
    iterations: int | None = 7
    """fixed-point iterations of the variational refinement (OpenCV: 5)"""
    finest_scale: int | None = 1
    """finest pyramid level that is searched, 0 is full size (OpenCV: 1; 2 in the fast presets)"""


class DIS:
    """Estimates flow by dense inverse search on grey pictures.

    Args:
        settings: preset and refinement.
    """

    def __init__(self, settings: DISSettings = DISSettings()) -> None:  # a frozen record
        self.settings = settings

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        """Motion (B, 2, H, W) float32 in px from ``source`` to ``target``, (B, 3, H, W) in [0, 1]."""
        pairs = zip(_grey(source), _grey(target), strict=True)
        flows = [torch.from_numpy(self.between(a, b)).permute(2, 0, 1) for a, b in pairs]
        return torch.stack(flows).to(source.device)

    def between(self, source: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Motion (H, W, 2) float32 in px, x first, between two grey pictures (H, W) uint8."""
        height, width = source.shape
        short = (max(0, _SMALLEST - height), max(0, _SMALLEST - width))
        if any(short):
            edges = (0, short[0], 0, short[1])
            source = cv2.copyMakeBorder(source, *edges, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
            target = cv2.copyMakeBorder(target, *edges, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
        # A new object each time: OpenCV's keeps buffers, and this callable may serve several threads.
        # OpenCV takes what is in the array that it fills as a first guess: it must hold zeros.
        flow = np.zeros((*source.shape, 2), np.float32)
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


def _grey(images: Tensor) -> list[NDArray[np.uint8]]:
    weights = images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    grey = (images * weights).sum(1).clamp(0, 1).mul(255).round().byte()
    return list(grey.cpu().numpy())
