"""Whether a frame shows what the last one showed, moved: by a pan, a shake, a zoom, or things that move."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from vidstyle.flow.base import Array
from vidstyle.flow.dis import DIS, DISSettings

_PEAKS = 4  # highest places of the phase correlation that are tried
_OVERLAP = 0.2  # share of the picture that even a fast pan must leave in it
_TRANSLATED = 0.5  # correlation of structure; for 2100 pairs of unlike pictures no translation reached 0.28
_CELL = 10  # px to one px of the motion: a dense one makes anything out of anything
_WINDOW = 2.5  # px, sigma of the windows in which pictures are correlated
_FAINT = 16.0  # levels²: where the product of two deviations is smaller, correlation counts less
_TEXTURE = 5.0  # levels of 255: local deviation above which there is something to correlate
_FITS = 0.5  # local correlation above which a place is explained
# the preset's own finest scale, 2, is too coarse for pictures of 160 px
_SEARCH = DIS(DISSettings(preset="ultrafast", alpha=None, iterations=None, finest_scale=1))


@dataclass(frozen=True, slots=True)
class Fit:
    """How well motion explains a frame by the last one."""

    share: float
    """Of the places with texture, 0 to 1, how many the moved last frame shows alike."""
    left: float
    """Mean difference between the frame and the moved last one, levels of 255."""


def is_continued(before: Array, now: Array) -> bool:
    """Whether motion makes ``now`` out of ``before``, both (H, W, 3) uint8 RGB, 160 to 256 px long or high.

    Only what stays in the picture is judged, and light may change: what counts is local structure. The
    motion is smooth, so that it explains little of another picture.
    """
    last, grey = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (before, now))
    correlation, start = best_translation(last, grey)
    return correlation >= _TRANSLATED or is_explained(fit(before, now, start))


def is_explained(found: Fit) -> bool:
    """Whether so good a fit is no chance.

    Of 2100 pairs of unlike pictures, those that fit in 0.25 to 0.45 of the places by chance differ by 25
    to 85 levels all the same; frames 20 % zoomed may fit as little, but differ by 10 to 20.
    """
    return found.share >= min(max(0.17 + found.left / 200, 0.33), 0.6)


def best_translation(last: Array, grey: Array) -> tuple[float, tuple[int, int]]:
    """The translation (px, x first) from ``grey`` to ``last``, (H, W) uint8, that fits best, and how well.

    That is the correlation of structure, -1 to 1, of what stays in the picture.
    """
    size = max(1, grey.shape[1] // 2), max(1, grey.shape[0] // 2)
    one, other = (
        cv2.resize(structure(each, _WINDOW), size, interpolation=cv2.INTER_AREA) for each in (last, grey)
    )
    tried = sorted({(0, 0)} | _peaks(last, grey))
    return max((_overlapping(one, other, x // 2, y // 2), (x, y)) for x, y in tried)


def fit(before: Array, now: Array, start: tuple[int, int]) -> Fit:
    """How well smooth motion, searched from ``start`` (px, x first) on, makes ``now`` out of ``before``."""
    last, grey = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (before, now))
    height, width = grey.shape
    x, y = _grid(height, width)
    motion = _smooth_motion(grey, last, start)
    x, y = x + motion[..., 0], y + motion[..., 1]
    moved = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    is_inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    correlation, variance = _correlated(cv2.cvtColor(moved, cv2.COLOR_RGB2GRAY), grey)
    is_judged = is_inside & (variance > _TEXTURE**2)
    if not is_judged.any():
        return Fit(0.0, 255.0)
    share = float((correlation[is_judged] > _FITS).mean())
    return Fit(share, float(cv2.absdiff(moved, now)[is_inside].mean()))


def structure(grey: Array, sigma: float) -> Array:
    """``grey`` (H, W) with local mean 0 and local deviation 1: what is left of it under any light.

    ``sigma`` is of the windows of the mean, in px; those of the deviation are twice as large.
    """
    picture = grey.astype(np.float32)
    detail = picture - cv2.GaussianBlur(picture, (0, 0), sigma)
    deviation = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 2 * sigma))
    found: Array = detail / (deviation + np.float32(1.0))
    return found


def textured(picture: Array) -> float:
    """Share, 0 to 1, of ``picture`` (H, W, 3) uint8 RGB where there is something to correlate."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((_variance(grey, _mean(grey)) > _TEXTURE**2).mean())


def _peaks(last: Array, grey: Array) -> set[tuple[int, int]]:
    """Translations (px, x first) that phase correlation finds; each may also be one of the other sign."""
    height, width = grey.shape
    if min(height, width) < 2:
        return set()
    lines, columns = cv2.getOptimalDFTSize(height), cv2.getOptimalDFTSize(width)
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)

    def spectrum(picture: Array) -> Array:
        windowed: Array = (picture - picture.mean(dtype=np.float32)) * window
        padded = cv2.copyMakeBorder(windowed, 0, lines - height, 0, columns - width, cv2.BORDER_CONSTANT)
        return cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT)

    product: Array = cv2.mulSpectrums(spectrum(last), spectrum(grey), 0, conjB=True)
    # divided by its size, each frequency counts alike: what moved is a peak whatever the pictures look like
    product = product / (np.sqrt((product**2).sum(2, keepdims=True)) + np.float32(1e-3))
    surface = cv2.GaussianBlur(cv2.idft(product, flags=cv2.DFT_REAL_OUTPUT | cv2.DFT_SCALE), (0, 0), 1)
    found: set[tuple[int, int]] = set()
    for _ in range(_PEAKS):
        x, y = cv2.minMaxLoc(surface)[3]
        found |= {(right, down) for right in (x, x - columns) for down in (y, y - lines)}
        cv2.circle(surface, (x, y), 3, -1.0, -1)
    return found


def _overlapping(last: Array, now: Array, x: int, y: int) -> float:
    """Correlation of two structures where they overlap, if the last is at (x, y) of the other."""
    height, width = now.shape
    if max(0, width - abs(x)) * max(0, height - abs(y)) < _OVERLAP * width * height:
        return -1.0
    one = last[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]
    other = now[max(0, -y) : height + min(0, -y), max(0, -x) : width + min(0, -x)]
    energies = float(np.sum(one * one)) * float(np.sum(other * other))
    return float(np.sum(one * other)) / float(np.sqrt(energies + 1e-6))


def _smooth_motion(grey: Array, last: Array, start: tuple[int, int]) -> Array:
    """Motion (H, W, 2) float32 in px from ``grey`` to ``last``, one vector a cell."""
    height, width = grey.shape
    motion = _SEARCH.searched(grey, last, np.full((height, width, 2), start, np.float32))
    cells = max(1, round(width / _CELL)), max(1, round(height / _CELL))
    few = cv2.resize(motion, cells, interpolation=cv2.INTER_AREA)
    return cv2.resize(few, (width, height), interpolation=cv2.INTER_LINEAR)


def _correlated(one: Array, other: Array) -> tuple[Array, Array]:
    """Local correlation of two grey pictures (H, W), and the larger of their local variances (levels²)."""
    one, other = one.astype(np.float32), other.astype(np.float32)
    mean, mean_other = _mean(one), _mean(other)
    variance, variance_other = _variance(one, mean), _variance(other, mean_other)
    common = _mean(one * other) - mean * mean_other
    found: Array = common / np.sqrt(variance * variance_other + np.float32(_FAINT**2))
    return found, np.maximum(variance, variance_other)


def _mean(picture: Array) -> Array:
    return cv2.GaussianBlur(picture, (0, 0), _WINDOW)


def _variance(picture: Array, mean: Array) -> Array:
    return np.asarray(np.maximum(_mean(picture * picture) - mean * mean, 0))


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> tuple[Array, Array]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y
