"""Motion for scoring: estimated at an affordable size, both ways, and reused from disk."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.flow.base import FlowEstimator
from vidstyle.flow.cache import FlowCache, key_of
from vidstyle.metrics.base import Motion, Sample

DEFAULT_SIZE = 360  # px, short side: RAFT's memory grows with the square of the area


class ScoringFlow:
    """The clip's motion between two samples, for a ``Measurer``."""

    def __init__(
        self,
        estimator: FlowEstimator,
        *,
        name: str,
        size: int | None = DEFAULT_SIZE,
        cache: FlowCache | None = None,
    ) -> None:
        """Estimate by ``estimator``.

        Args:
            estimator: any of ``registry.FLOWS``.
            name: the estimator's name in reports.
            size: short side in px at which motion is estimated; larger frames are reduced. None: never.
            cache: where motion is kept between runs.
        """
        self.name = name
        self.size = size
        self._estimator: Any = estimator
        self._cache = cache

    def __call__(self, step: int, earlier: Sample, later: Sample) -> Motion:
        return self.between(earlier.content, later.content)

    def between(self, earlier: Tensor, later: Tensor) -> Motion:
        """Motion between two pictures (1, 3, H, W) in [0, 1], in px of their own size."""
        if self._cache is None:
            stored = self._estimate(earlier, later)
        else:
            key = key_of(f"{self._identity}|{self.size}", earlier, later)
            stored = self._cache.get(key, lambda: self._estimate(earlier, later))
        height, width = earlier.shape[-2:]
        there, back = self._restore(stored, *self._reduced(height, width))
        return Motion(_resized(there, height, width), _resized(back, height, width))

    @property
    def _identity(self) -> str:
        return str(getattr(self._estimator, "identity", self.name))

    @property
    def _is_coarse(self) -> bool:
        return bool(getattr(self._estimator, "is_coarse", False))

    def _estimate(self, earlier: Tensor, later: Tensor) -> Tensor:
        """Motion both ways as it is stored: RAFT-small's coarse grid, or half precision of other estimators.

        Half precision also without a cache, so that a cache changes no value.
        """
        height, width = self._reduced(*earlier.shape[-2:])
        first, second = (_smaller(picture, height, width) for picture in (earlier, later))
        with torch.inference_mode():
            if self._is_coarse:
                coarse: Tensor = self._estimator.coarse(first, second)
                return coarse
            if hasattr(self._estimator, "both"):
                both = self._estimator.both(first, second)
            else:
                both = (self._estimator(first, second), self._estimator(second, first))
            return torch.cat(both).half()

    def _restore(self, stored: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        if self._is_coarse:
            there, back = self._estimator.enlarge(stored, height, width)
            return there, back
        return stored[:1].float(), stored[1:].float()

    def _reduced(self, height: int, width: int) -> tuple[int, int]:
        if self.size is None or min(height, width) <= self.size:
            return height, width
        factor = self.size / min(height, width)
        return round(height * factor), round(width * factor)


def _smaller(picture: Tensor, height: int, width: int) -> Tensor:
    if picture.shape[-2:] == (height, width):
        return picture
    return F.interpolate(picture.contiguous(), size=(height, width), mode="bilinear", antialias=True)


def _resized(flow: Tensor, height: int, width: int) -> Tensor:
    """``flow`` (1, 2, h, w) for another size of the same pictures, its vectors scaled accordingly."""
    old_height, old_width = flow.shape[-2:]
    if (old_height, old_width) == (height, width):
        return flow
    larger = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
    return larger * larger.new_tensor([width / old_width, height / old_height]).view(1, 2, 1, 1)
