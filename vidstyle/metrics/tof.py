"""tOF: whether a result moves as its clip does (Chu et al. 2020, TecoGAN)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.tensors import to_pixels

_SKIPPED = 2  # frames at either end
_BLOCK = 32  # px: the crop's sides are multiples of this
_MARGIN = 16  # px that are cropped at least, both borders together


class TOF(MeanOverFrames):
    """Mean distance, in px, between the motion of the result and that of the clip.

    thunil/TecoGAN ``metrics.py``: Farneback's flow (0.5, 3, 15, 3, 5, 1.2, 0) on 8-bit grey, between frames t
    - 1 and t; the first and last two frames are left out; a centred crop whose sides are multiples of 32 and
    leave 16 px or more (frames too small for it are taken whole). The clip takes the place of the ground
    truth. Pairs across a cut do not count. Lower is better; it detects paint that stays in place while things
    move.
    """

    meaning = Meaning("px", "low: moves as the clip does", tells_clip=False)
    intervals = (1,)
    needs: frozenset[str] = frozenset()

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__()
        self._waiting: deque[float | None] = deque()
        self._frames = 0

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        before = past.get(1)
        # a pair counts only after two more frames, so that the clip's last two never do
        self._waiting.append(None if before is None or self._frames <= _SKIPPED else _distance(before, now))
        self._frames += 1
        self._mean.skip()
        if len(self._waiting) > _SKIPPED and (value := self._waiting.popleft()) is not None:
            self._mean.add(value)


def _distance(before: Sample, now: Sample) -> float:
    ours = _cropped(_flow(_grey(before.result), _grey(now.result)))
    clip = _cropped(_flow(_grey(before.content), _grey(now.content)))
    return float(np.sqrt(np.square(ours - clip).sum(-1)).mean())


def _grey(picture: Tensor) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(to_pixels(picture), cv2.COLOR_RGB2GRAY), np.uint8)


def _flow(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.float32]:
    start = np.zeros((*source.shape, 2), np.float32)
    flow = cv2.calcOpticalFlowFarneback(source, target, start, 0.5, 3, 15, 3, 5, 1.2, 0)
    return np.asarray(flow, np.float32)


def _cropped(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = []
    for side in flow.shape[:2]:
        kept = (side - _MARGIN) // _BLOCK * _BLOCK if side >= _BLOCK + _MARGIN else side
        sides.append(slice((side - kept) // 2, (side - kept) // 2 + kept))
    return flow[sides[0], sides[1]]
