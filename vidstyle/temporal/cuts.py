"""Causal shot boundary detection: whether each frame begins a new shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.frames import Pixels, eight_bits
from vidstyle.named_tensors import Tensors, as_integers, integers
from vidstyle.temporal.base import Boundary
from vidstyle.temporal.continuity import is_continued, structure, textured

Thumbnail = NDArray[np.uint8]
"""A small picture (H, W, 3), RGB."""
Grey = NDArray[np.uint8]  # (H, W), or one value a line

_SIDE = 160  # px, long side at which frames are compared
_FINE = 256  # px, long side at which a suspected cut is checked again: fine texture is lost at 160
_LEAST = 2.0  # levels of 255: a mean difference of colours that is noise
_SUSPICIOUS = 0.35  # unlikeness; 2150 pairs of unrelated pictures have 0.66 and more, a slow pan under 0.25
_DIFFERS = 27.0  # levels of 255: mean difference that is a cut where there is no structure to compare
_TEXTURED = 0.03  # share of a picture that must have structure to compare it
_SAME_PICTURE = 0.55  # correlation of structure above which a jump in brightness is no cut
_STRUCTURE = 64  # px, long side for that comparison, at which small motion does not matter
_EVEN = 12  # levels of 255: rows and columns of a border vary by less
_SMALLEST = 16  # px: borders are not removed if less would remain
_RANGE = 128.0  # levels: the contrast of darker and paler pictures is stretched to it
_MOST = 4.0  # largest gain of that: noise is amplified, too
_MIXED_IN = 0.2  # least unlikeness of a mixture to either picture
_NO_MIXTURE = 0.2  # residual over the pictures' difference; mixtures leave 0.1, whip pans 0.21, pans 0.3
_MIXED_TEXTURED = 0.1  # share of either picture that must have structure: fades to black are mixtures, too
_FLASH = 6  # frames: longest flash
_BLACK = 8  # levels of 255: a darker picture is blank; night shots have 20
_WHITE = 227  # levels of 255: a brighter picture is blank, saturated
_STILL_WHITE = 165  # levels of 255: the same while a flash decays
_PICTURES = ("finer", "last", "older", "before_cut", "before_blank")  # thumbnails that ``Cuts`` remembers


class Cuts:
    """Detects cuts in the frames of one clip, in order.

    A cut is suspected where colours differ much from the last frame's, and rejected if a change of lighting
    or motion explains it: if the structure (local brightness and contrast normalised) is the same, directly
    or after motion compensation. A blank frame, saturated or black, belongs to no shot: the first frame after
    it is compared with the last one before it. ``is_return`` is set where a shot continues within 6 frames.
    """

    def __init__(self) -> None:
        self._frame = 0
        self._shape: tuple[int, ...] = ()
        self._finer: Thumbnail | None = None  # the last frame at ``_FINE``
        self._last: Thumbnail | None = None
        self._older: Thumbnail | None = None  # the one before the last, if both are of one shot
        self._before_cut: Thumbnail | None = None
        self._cut = 0
        self._before_blank: Thumbnail | None = None  # the last frame that was not blank, while it is

    def tensors(self) -> dict[str, Tensor]:
        """All that is remembered of the frames so far, by name."""
        pictures = {name: getattr(self, f"_{name}") for name in _PICTURES}
        kept = {name: torch.from_numpy(each.copy()) for name, each in pictures.items() if each is not None}
        return {**kept, "counts": as_integers((self._frame, self._cut)), "shape": as_integers(self._shape)}

    @classmethod
    def from_tensors(cls, tensors: Tensors) -> Self:
        """Go on after the frame at which ``tensors()`` gave these; raises ``KeyError`` if one is missing."""
        cuts = cls()
        cuts._frame, cuts._cut = integers(tensors["counts"])
        cuts._shape = integers(tensors["shape"])
        for name in _PICTURES:
            if name in tensors:
                setattr(cuts, f"_{name}", tensors[name].numpy().copy())
        return cuts

    def look(self, pixels: Pixels) -> Boundary:
        """Classify the next frame, ``pixels`` (H, W, 3) uint8 or uint16.

        The first one is a cut, and so is one of another size or depth than the one before.
        """
        return replace(self._look(pixels), is_flash_possible=self._is_flash_possible)

    @property
    def _is_flash_possible(self) -> bool:
        return self._before_cut is not None and self._frame - self._cut < _FLASH

    def _look(self, pixels: Pixels) -> Boundary:
        now = thumbnail(pixels, _SIDE)
        before, self._last = self._last, now
        # thumbnails are kept, not the frame: its owner may reuse the array
        last, self._finer = self._finer, thumbnail(pixels, _FINE)
        shape = (*pixels.shape, pixels.dtype.itemsize)
        is_other_shape, self._shape = self._shape != shape, shape
        self._frame += 1
        older, self._older = self._older, None
        if before is None or last is None or is_other_shape:
            self._before_cut = self._before_blank = None
            return Boundary(is_cut=True)
        if _is_blank(now):
            return self._blank(before, now)
        if self._before_blank is not None:
            return self._after_blank(now)
        # frame rate conversion leaves a mixture of two shots between them, similar to both
        is_mixed = older is not None and _is_mixture(before, older, now) and not _goes_on(older, now)
        if not is_mixed and (_goes_on(before, now) or _goes_on(last, self._finer)):
            self._older = before
            return Boundary(is_cut=False)
        earlier, self._before_cut = self._before_cut, older if is_mixed else before
        is_return = earlier is not None and self._frame - self._cut <= _FLASH and _goes_on(earlier, now)
        self._cut = self._frame
        if is_return:
            self._before_cut = None
        return Boundary(is_cut=not is_return, is_return=is_return)

    def _blank(self, before: Thumbnail, now: Thumbnail) -> Boundary:
        """Classify a blank frame."""
        if self._before_blank is None and not _is_blank(before):
            self._before_blank = before
        if _goes_on(before, now):
            return Boundary(is_cut=False)
        self._before_cut, self._cut = before, self._frame
        return Boundary(is_cut=False, is_blank=True)

    def _after_blank(self, now: Thumbnail) -> Boundary:
        """Classify the first frame after blank ones."""
        earlier = self._before_blank
        is_same = earlier is not None and _goes_on(earlier, now)
        if not is_same and self._is_flash_possible and _is_blank(now, _STILL_WHITE):
            return Boundary(is_cut=False)
        was_sudden, self._before_cut, self._before_blank = self._before_cut is not None, None, None
        if is_same and (not was_sudden or self._frame - self._cut <= _FLASH):
            return Boundary(is_cut=False, is_return=was_sudden)
        self._cut = self._frame
        return Boundary(is_cut=True)


def _is_blank(picture: Thumbnail, white: int = _WHITE) -> bool:
    """Whether a thumbnail is black, or saturated: brighter than ``white``."""
    low, high = np.percentile(picture[::2, ::2], (1, 99))
    return bool(low > white or high < _BLACK)


def _goes_on(before: Thumbnail, now: Thumbnail) -> bool:
    """Whether two thumbnails are of one shot; cheap tests first."""
    difference = _difference(before, now)
    if difference < _LEAST:
        return True
    before, now = _without_borders(before, now)
    if _unlikeness(before, now) < _SUSPICIOUS:
        return True
    before, now = _raised(before, now)
    if _is_same(before, now):
        return True
    if min(textured(before), textured(now)) < _TEXTURED:
        return difference < _DIFFERS
    return is_continued(before, now)


def _difference(one: Thumbnail, other: Thumbnail) -> float:
    """The mean difference of two pictures, levels of 255."""
    return float(cv2.norm(one, other, cv2.NORM_L1)) / one.size


def _unlikeness(one: Thumbnail, other: Thumbnail) -> float:
    """The mean difference of two pictures over their standard deviation: about 1.3 for unrelated ones."""
    deviation = float(np.mean([cv2.meanStdDev(each)[1] for each in (one, other)]))
    return _difference(one, other) / (deviation + 1)


def _is_mixture(between: Thumbnail, before: Thumbnail, after: Thumbnail) -> bool:
    """Whether a picture is a weighted mean of two others, both textured (which excludes fades)."""
    if min(_unlikeness(between, before), _unlikeness(between, after)) < _MIXED_IN:
        return False
    few = [each[::2, ::2].astype(np.float32) for each in (before, between, after)]
    part, way = few[1] - few[0], few[2] - few[0]
    weight = float(np.sum(way * part)) / float(np.sum(way * way) + 1)
    is_mean = float(np.abs(part - weight * way).sum()) < _NO_MIXTURE * float(np.abs(way).sum())
    return is_mean and min(textured(before), textured(after)) >= _MIXED_TEXTURED


def thumbnail(pixels: Pixels, side: int) -> Thumbnail:
    """``pixels`` (H, W, 3) in 8 bits with a long side of at most ``side`` px."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return eight_bits(pixels).copy()
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if scale <= 0.5:
        # four samples a px reduce noise in 0.1 ms at 3840x2160, where area averaging takes 13 ms
        twice = 2 * size[0], 2 * size[1]
        pixels = cv2.resize(pixels, twice, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        return eight_bits(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]
    return eight_bits(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR))  # type: ignore[arg-type]


def _without_borders(*pictures: Thumbnail) -> list[Thumbnail]:
    """``pictures`` without letterbox bars: rows and columns at the border that are uniform in all of them.

    The edges of bars are structure that all shots have in common.
    """
    greys = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in pictures]
    rows, columns = (_between_borders([grey.max(axis) - grey.min(axis) for grey in greys]) for axis in (1, 0))
    if min(rows.stop - rows.start, columns.stop - columns.start) < _SMALLEST:
        return list(pictures)
    return [each[rows, columns] for each in pictures]


def _between_borders(spreads: Sequence[Grey]) -> slice:
    """The rows or columns between the bars, less two on each side where bar and picture are mixed."""
    spread = np.max(spreads, axis=0)
    lines = np.flatnonzero(spread > _EVEN)
    if not lines.size:
        return slice(0, 0)
    first, last = int(lines[0]), int(lines[-1]) + 1
    return slice(first + 2 if first else 0, last - 2 if last < spread.size else last)


def _raised(*pictures: Thumbnail) -> list[Thumbnail]:
    """``pictures`` with their contrast stretched, so that structure exceeds noise at night and in fog."""
    low, high = np.percentile(np.stack(pictures)[:, ::2, ::2], (1, 99))
    gain = min(_RANGE / max(1.0, high - low), _MOST)
    if gain <= 1:
        return list(pictures)
    return [np.clip((each - np.float32(low)) * gain, 0, 255).astype(np.uint8) for each in pictures]


def _is_same(before: Thumbnail, now: Thumbnail) -> bool:
    """Whether two pictures have the same structure, whatever their lighting."""
    height, width = now.shape[:2]
    scale = min(1.0, _STRUCTURE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    one, other = (
        structure(cv2.cvtColor(cv2.resize(each, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), 4.0)
        for each in (before, now)
    )
    return float(np.mean(one * other)) >= _SAME_PICTURE
