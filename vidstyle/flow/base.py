"""What every flow estimator is: a callable without state."""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
from torch import Tensor

from vidstyle.registry import FLOWS


class FlowEstimator(Protocol):
    """Estimates motion between two images."""

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        """Motion (B, 2, H, W) in px, x first.

        source[y, x] is found again at target[y + flow[1], x + flow[0]].
        ``source`` and ``target`` are (B, 3, H, W) in [0, 1].
        """
        ...


def load_flow(name: str, device: torch.device | str) -> FlowEstimator:
    """The estimator called ``name``, on ``device`` if it computes there: DIS is OpenCV's, on the CPU."""
    make: Any = FLOWS.load(name)
    return cast(FlowEstimator, make() if name == "dis" else make(device=device))
