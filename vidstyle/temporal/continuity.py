"""Whether motion (pan, shake, zoom, moving objects) explains a frame by the last one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from vidstyle.flow.base import Array
from vidstyle.flow.dis import DIS, DISSettings

_PEAKS = 4  # highest peaks of the phase correlation that are tried
_OVERLAP = 0.2  # least share of the picture that both frames show
_TRANSLATED = 0.5  # correlation of structure; 2100 pairs of unrelated pictures stayed below 0.28
_CELL = 10  # px to one motion vector: dense motion could warp any picture into any other
_WINDOW = 2.5  # px, sigma of the windows of local correlation
_FAINT = 16.0  # levels²: regulariser of the correlation where deviations are small
_TEXTURE = 5.0  # levels of 255: least local deviation of a textured place
_FITS = 0.5  # local correlation above which a place is explained
# the preset's finest scale, 2, is too coarse for pictures of 160 px
_SEARCH = DIS(DISSettings(preset="ultrafast", alpha=None, iterations=None, finest_scale=1))


@dataclass(frozen=True, slots=True)
class Fit:
    """How well motion explains a frame by the last one."""

    share: float
    """Share (0 to 1) of the textured pixels that correlate with the warped last frame."""
    residual: float
    """Mean difference between the frame and the warped last one, levels of 255."""


def is_continued(before: Array, now: Array) -> bool:
    """Whether ``before``, warped by smooth motion, has the local structure of ``now``.

    Both are (H, W, 3) uint8 RGB of 160 to 256 px on the long side. Only what both show is compared, and
    lighting may change.
    """
    last, grey = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (before, now))
    correlation, start = best_translation(last, grey)
    return correlation >= _TRANSLATED or is_explained(fit(before, now, start))


def is_explained(fitted: Fit) -> bool:
    """Whether a fit is better than chance.

    Of 2100 pairs of unrelated pictures, those that fit in 0.25 to 0.45 of the pixels by chance have residuals
    of 25 to 85 levels; frames zoomed by 20 % may fit no better, but have residuals of 10 to 20.
    """
    return fitted.share >= min(max(0.17 + fitted.residual / 200, 0.33), 0.6)


def best_translation(last: Array, grey: Array) -> tuple[float, tuple[int, int]]:
    """The best translation from ``grey`` to ``last``, both (H, W) uint8.

    Returns the correlation of structure (-1 to 1) in the overlap, and the translation (px, x first).
    """
    size = max(1, grey.shape[1] // 2), max(1, grey.shape[0] // 2)
    one, other = (
        cv2.resize(structure(each, _WINDOW), size, interpolation=cv2.INTER_AREA) for each in (last, grey)
    )
    candidates = sorted({(0, 0)} | _peaks(last, grey))
    return max((_overlapping(one, other, x // 2, y // 2), (x, y)) for x, y in candidates)


def fit(before: Array, now: Array, start: tuple[int, int]) -> Fit:
    """How well smooth motion explains ``now`` by ``before``; ``start`` (px, x first) is its initial guess."""
    last, grey = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (before, now))
    height, width = grey.shape
    x, y = _grid(height, width)
    motion = _smooth_motion(grey, last, start)
    x, y = x + motion[..., 0], y + motion[..., 1]
    moved = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    is_inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    correlation, variance = _correlated(cv2.cvtColor(moved, cv2.COLOR_RGB2GRAY), grey)
    is_textured = is_inside & (variance > _TEXTURE**2)
    if not is_textured.any():
        return Fit(0.0, 255.0)
    share = float((correlation[is_textured] > _FITS).mean())
    return Fit(share, float(cv2.absdiff(moved, now)[is_inside].mean()))


def structure(grey: Array, sigma: float) -> Array:
    """``grey`` (H, W), locally normalised to mean 0 and deviation 1: invariant to lighting.

    ``sigma`` is that of the mean's Gaussian window, px; the deviation's is twice as large.
    """
    picture = grey.astype(np.float32)
    detail = picture - cv2.GaussianBlur(picture, (0, 0), sigma)
    deviation = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 2 * sigma))
    normalised: Array = detail / (deviation + np.float32(1.0))
    return normalised


def textured(picture: Array) -> float:
    """Share (0 to 1) of ``picture`` (H, W, 3) uint8 RGB that is textured."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((_variance(grey, _mean(grey)) > _TEXTURE**2).mean())


def _peaks(last: Array, grey: Array) -> set[tuple[int, int]]:
    """Translations (px, x first) at the peaks of the phase correlation, with both signs: it is periodic."""
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
    # normalised cross-power spectrum: a translation is a peak whatever the pictures' spectra
    product = product / (np.sqrt((product**2).sum(2, keepdims=True)) + np.float32(1e-3))
    surface = cv2.GaussianBlur(cv2.idft(product, flags=cv2.DFT_REAL_OUTPUT | cv2.DFT_SCALE), (0, 0), 1)
    peaks: set[tuple[int, int]] = set()
    for _ in range(_PEAKS):
        x, y = cv2.minMaxLoc(surface)[3]
        peaks |= {(right, down) for right in (x, x - columns) for down in (y, y - lines)}
        cv2.circle(surface, (x, y), 3, -1.0, -1)
    return peaks


def _overlapping(last: Array, now: Array, x: int, y: int) -> float:
    """Correlation of two structures in their overlap, ``last`` translated by (x, y); -1 if that is small."""
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
    correlation: Array = common / np.sqrt(variance * variance_other + np.float32(_FAINT**2))
    return correlation, np.maximum(variance, variance_other)


def _mean(picture: Array) -> Array:
    return cv2.GaussianBlur(picture, (0, 0), _WINDOW)


def _variance(picture: Array, mean: Array) -> Array:
    return np.asarray(np.maximum(_mean(picture * picture) - mean * mean, 0))


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> tuple[Array, Array]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y
