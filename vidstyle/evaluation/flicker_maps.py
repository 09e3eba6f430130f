"""Where and when results flicker: the mean map, the worst moments, and a clip of maps."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.evaluation.results import CLIP, Worst
from vidstyle.frames import Frame, Pixels, VideoInfo, eight_bits
from vidstyle.metrics.base import Motion, Sample
from vidstyle.metrics.warping_error import squared_change
from vidstyle.options import WriteOptions
from vidstyle.tensors import to_pixels
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

FULL = 0.25  # change (of intensities in [0, 1]) that has the brightest colour
_MOMENTS = 4  # number of worst moments that are kept
_APART = Fraction(1, 2)  # s between two worst moments, as neighbouring frames look alike
_LINES = 200  # px, height of their pictures: three side by side fit a page


class Flicker:
    """Collects where and when results change along the clip's motion, in constant memory."""

    def __init__(self, results: Sequence[str]) -> None:
        self._results = list(results)
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._count = 0
        self._worst: list[tuple[float, int, Worst]] = []
        self._number = count()
        self.latest: NDArray[np.float32] | None = None
        """Change (H, W) of the first result at the last frame, in [0, 1]."""

    def add(
        self,
        time: Fraction,
        before: Mapping[str, Sample],
        now: Mapping[str, Sample],
        motion: Motion,
        values: Mapping[str, Mapping[str, float | None]],
    ) -> None:
        """Add a frame and the one before it, of the same shot.

        Args:
            time: of the frame, s.
            before: the samples of the frame before, by column.
            now: the samples of the frame, by column.
            motion: the clip's motion between the two.
            values: column to metric to the value at this frame.
        """
        self._count += 1
        for name in self._results:
            change = _change(before[name], now[name], motion)
            if name == self._results[0]:
                self.latest = change
            self._sums[name] = self._sums.get(name, np.zeros(change.shape)) + change
        self._keep_if_worst(time, before, now, motion, values)

    def heat(self) -> dict[str, NDArray[np.float32]]:
        """The mean change (H, W) of each result, in [0, 1]."""
        return {name: (total / self._count).astype(np.float32) for name, total in self._sums.items()}

    def worst(self) -> tuple[Worst, ...]:
        """The worst moments of the first result, the worst first."""
        return tuple(entry[2] for entry in sorted(self._worst, reverse=True))

    def _keep_if_worst(
        self,
        time: Fraction,
        before: Mapping[str, Sample],
        now: Mapping[str, Sample],
        motion: Motion,
        values: Mapping[str, Mapping[str, float | None]],
    ) -> None:
        result_error = values[self._results[0]].get("warping_error")
        if result_error is None:
            return
        excess = result_error - (values.get(CLIP, {}).get("warping_error") or 0.0)
        near = [entry for entry in self._worst if abs(entry[2].time - time) < _APART]
        if near and max(near)[0] >= excess:
            return
        others = [entry for entry in self._worst if entry not in near]
        if len(others) >= _MOMENTS and min(others)[0] >= excess:
            return
        columns = [CLIP, *(name for name in now if name != CLIP)]
        pictures = {name: (_small(before[name].result), _small(now[name].result)) for name in columns}
        heat = {
            name: _reduced(heated(to_pixels(before[name].result), _change(before[name], now[name], motion)))
            for name in columns
        }
        others.append((excess, next(self._number), Worst(time, excess, pictures, heat)))
        self._worst = heapq.nlargest(_MOMENTS, others)


class HeatClip:
    """A clip that shows where a result flickers: the clip in grey, changes in colour; a context."""

    def __init__(self, target: Path, like: VideoInfo, *, overwrite: bool) -> None:
        self._writer = Writer(check_target(target, WriteOptions(overwrite=overwrite), like.path), like=like)

    def __enter__(self) -> HeatClip:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def add(self, frame: Frame, change: NDArray[np.float32] | None) -> None:
        """Write the clip's ``frame`` with ``change`` (H, W) drawn over it; None: it was not measured."""
        level = np.zeros(frame.pixels.shape[:2], np.float32) if change is None else change
        pixels = heated(frame.pixels, level)
        self._writer.write(Frame(pixels, frame.time, frame.duration))


def heated(pixels: Pixels, change: NDArray[np.float32]) -> NDArray[np.uint8]:
    """``pixels`` (H, W, 3) in dark grey, with ``change`` (H, W) in [0, 1] as black, red, yellow over it."""
    rgb = eight_bits(pixels)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None] * 0.4
    share = np.clip(change / FULL, 0, 1).astype(np.float32)
    index = np.rint(share * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(index, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    weight = np.minimum(1, 4 * share)[..., None]
    return np.asarray(np.rint(grey * (1 - weight) + colours * weight), np.uint8)


def _change(before: Sample, now: Sample, motion: Motion) -> NDArray[np.float32]:
    """Change (H, W) along the motion, in [0, 1], on the earlier frame's grid; 0 where that is unreliable."""
    squares = squared_change(before, now, motion).mean(1)[0]
    return squares.sqrt().cpu().numpy().astype(np.float32, copy=False)


def _small(picture: Tensor) -> Pixels:
    return _reduced(to_pixels(picture))


def _reduced(picture: Pixels) -> Pixels:
    scale = min(1.0, _LINES / picture.shape[0])
    if scale >= 1:
        return picture
    return cast("Pixels", cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
