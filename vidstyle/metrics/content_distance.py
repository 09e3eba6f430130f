"""Content distance: how much of what the clip shows is changed in the result."""

from __future__ import annotations

from collections.abc import Mapping

from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.perceptual_features import CONTENT_LAYER, bundled


class ContentDistance(MeanOverFrames):
    """Root mean square of F(O) - F(C) over that of F(C), conv4_1, scaled; the mean over frames.

    Clip and result are looked at as they are (short side at most 480). Unit: 1; 0 is the clip itself.
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
