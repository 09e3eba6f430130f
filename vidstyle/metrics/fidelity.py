"""SSIM and PSNR between a result and its clip, as scikit-image computes them."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.optional_imports import require
from vidstyle.tensors import to_pixels

_SSIM_WINDOW = 7  # px, scikit-image's default


class SSIM(MeanOverFrames):
    """Structural similarity of result and clip, the mean over frames; 1 is the clip itself.

    scikit-image's ``structural_similarity`` on 8-bit grey (as MicroAST's ``metrics/calc_ssim.py``): uniform
    window of 7 px, range 255, sample covariance, the half window at the border left out. Frames smaller than
    the window have no value.
    """

    meaning = Meaning("1", "high, if the style allows", tells_clip=False)
    intervals: tuple[int, ...] = ()
    needs: frozenset[str] = frozenset()
    library = "skimage.metrics"

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__()
        self._compare = require(self.library, "ssim").structural_similarity

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        if min(now.content.shape[-2:]) < _SSIM_WINDOW:
            self._mean.skip()
            return
        ours, clip = (
            cv2.cvtColor(to_pixels(picture), cv2.COLOR_RGB2GRAY) for picture in (now.result, now.content)
        )
        self._mean.add(float(self._compare(clip, ours, data_range=255, win_size=_SSIM_WINDOW)))


class PSNR(MeanOverFrames):
    """Peak signal-to-noise ratio of result and clip over 8-bit RGB, dB, the mean over frames.

    scikit-image's ``peak_signal_noise_ratio``, range 255, every pixel counts. Infinite where they are equal.
    """

    meaning = Meaning("dB", "high, if the style allows", tells_clip=False)
    intervals: tuple[int, ...] = ()
    needs: frozenset[str] = frozenset()
    library = "skimage.metrics"

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__()
        self._compare = require(self.library, "psnr").peak_signal_noise_ratio

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        ours, clip = to_pixels(now.result), to_pixels(now.content)
        with np.errstate(divide="ignore"):  # equal pictures: infinite, as it should be
            self._mean.add(float(self._compare(clip, ours, data_range=255)))
