"""What every flow estimator is: a callable without state."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class FlowEstimator(Protocol):
    """Estimates motion between two images."""

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        """Motion (B, 2, H, W) in px, x first.

        source[y, x] is found again at target[y + flow[1], x + flow[0]].
        ``source`` and ``target`` are (B, 3, H, W) in [0, 1].
        """
        ...
