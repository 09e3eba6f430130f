"""Content distance: how far the features of a result are from those of its clip."""

from __future__ import annotations

from collections.abc import Mapping

from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.perceptual_features import CONTENT_LAYER, bundled


class ContentDistance(MeanOverFrames):
    """RMS of F(O) - F(C) over the RMS of F(C), the mean over frames; F are scaled features of conv4_1.

    Pictures are encoded at a short side of 480 px at most. Unit: 1; the clip itself has 0.
    """

    meaning = Meaning("1", "low, if the style allows", tells_clip=False, is_drawn=True)
    intervals = ()
    needs: frozenset[str] = frozenset()

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self._features = setup.features or bundled()

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        ours = self._features(now.result)[CONTENT_LAYER]
        clip = self._features(now.content)[CONTENT_LAYER]
        size = clip.square().mean().sqrt().clamp_min(1e-12)
        self._mean.add(float((ours - clip).square().mean().sqrt() / size))
