"""LPIPS (Zhang et al. 2018) through torchmetrics: distance from the baseline, and change over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.network_files import ALEXNET
from vidstyle.optional_imports import require

Distance = Callable[[Tensor, Tensor], float]
"""How different two pictures (1, 3, H, W) in [0, 1] look."""

_LIBRARY = "torchmetrics.image"
_SMALLEST = 64  # px: smaller pictures have no pixel left after AlexNet's poolings


class LPIPS(MeanOverFrames):
    """LPIPS (AlexNet) between the result and the per-frame baseline, the mean over frames.

    As in Lai et al. 2018: how much temporal consistency has changed the painting. Lower is nearer.
    """

    meaning = Meaning("1", "low: near the baseline", tells_baseline=False)
    is_on_request = True
    intervals: tuple[int, ...] = ()
    needs = frozenset({"baseline"})
    library = _LIBRARY

    def __init__(self, setup: Setup | None = None, distance: Distance | None = None) -> None:
        super().__init__()
        self._distance = distance or alexnet("lpips")

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        if now.baseline is None:
            self._mean.skip()
        else:
            self._mean.add(self._distance(now.result, now.baseline))


class TLPIPS(MeanOverFrames):
    """tLP: 100 · |LPIPS(O_{t-1}, O_t) - LPIPS(C_{t-1}, C_t)|, the mean over t (Chu et al. 2020, TecoGAN).

    AlexNet; the clip takes the place of the ground truth. It ignores motion: a result that changes as much
    as its clip scores well even if it changes elsewhere. Lower is better.
    """

    meaning = Meaning("100 LPIPS", "low: changes as much as the clip", tells_clip=False)
    is_on_request = True
    intervals = (1,)
    needs: frozenset[str] = frozenset()
    library = _LIBRARY

    def __init__(self, setup: Setup | None = None, distance: Distance | None = None) -> None:
        super().__init__()
        self._distance = distance or alexnet("tlpips")

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        before = past.get(1)
        if before is None:
            self._mean.skip()
            return
        ours = self._distance(before.result, now.result)
        clip = self._distance(before.content, now.content)
        self._mean.add(100 * abs(ours - clip))


def alexnet(metric: str) -> Distance:
    """LPIPS with AlexNet; ``WeightsMissing`` if torchvision's weights are not in torch's cache."""
    library = require(_LIBRARY, metric)
    ALEXNET.found(metric)
    network = library.LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True).eval()

    def distance(one: Tensor, other: Tensor) -> float:
        network.to(one.device)
        with torch.inference_mode():
            value = float(network(_at_least(one), _at_least(other)))
            network.reset()
        return value

    return distance


def _at_least(picture: Tensor) -> Tensor:
    """``picture`` in [0, 1], its last lines and columns repeated up to what the network takes."""
    height, width = picture.shape[-2:]
    edges = (0, max(0, _SMALLEST - width), 0, max(0, _SMALLEST - height))
    return F.pad(picture.clamp(0, 1), edges, mode="replicate")
