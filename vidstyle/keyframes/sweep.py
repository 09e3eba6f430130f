"""Coordinates carried from a keyframe through the frames of a shot, filled by analogy where they are lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.keyframes.coordinates import (
    Coordinates,
    Mask,
    PairMotion,
    Plane,
    carried,
    identity,
    smoothed_edges,
)
from vidstyle.keyframes.lookup import preview

Picture = NDArray[np.uint8]
"""(h, w, 3), RGB, at the size at which motion is estimated."""

_LIGHTING = 12.0  # px: Gaussian window of differences that are light, not content
_LIGHT_SHARE = 0.7  # of such differences that is allowed
_LIMIT = 0.07  # of 0 to 1: a difference that is another content
_CLEARLY = 2.0  # times the limit: a difference that is no crumb
_TEXTURED = 0.9  # of the local contrast: the same, where edges may be misplaced by half a pixel
_WINDOW = 2.5  # px: Gaussian window of that contrast, and of a patch
_LEAST_AREA = 0.4  # of that window
_CRUMB = 1.5  # px: unknown areas smaller than this keep what was carried


@dataclass(frozen=True, slots=True, eq=False)
class CarriedFrame:
    """A frame in terms of a keyframe."""

    coordinates: Coordinates
    difference: Plane
    """(h, w), 0 to 1: between the frame and the keyframe's source seen from it."""
    filled: float
    """Share of the picture that was filled anew, 0 to 1."""


class Filling(Protocol):
    """Chooses places in a keyframe for the parts of a frame that are unknown, as ``Analogy`` does."""

    def filled(self, picture: Picture, known: Coordinates, unknown: Mask) -> Coordinates:
        """``known`` with places for the ``unknown`` pixels of ``picture``, which are marked as filled."""


class Sweep:
    """Carries coordinates into one keyframe from frame to frame, in either direction of time."""

    def __init__(self, source: Picture, analogy: Filling) -> None:
        """``source`` is the keyframe before it was painted."""
        self._source, self._analogy = source, analogy
        self._last = identity(*source.shape[:2])
        self._differed = np.zeros(source.shape[:2], np.float32)

    def begin(self, picture: Picture) -> CarriedFrame:
        """Begin at a frame of another shot: all of it by analogy."""
        height, width = picture.shape[:2]
        unknown = np.ones((height, width), np.bool_)
        self._last = self._analogy.filled(picture, identity(height, width), unknown)
        return self._carried_frame(picture, 1.0)

    def step(self, picture: Picture, motion: PairMotion) -> CarriedFrame:
        """Carry on to the next frame; ``motion`` is its motion to the last one, and back."""
        coordinates, uncovered = carried(self._last, motion)
        differs = _difference(picture, self._seen(coordinates))
        limit = _limit(picture)
        is_new = ~coordinates.is_filled
        missed = _in_patches(differs > limit, _WINDOW, _LEAST_AREA) & is_new
        # what was chosen by analogy never matched well: it is lost once it matches much less than before
        clearly = differs > _CLEARLY * limit + np.where(is_new, 0, motion.moved(self._differed))
        unknown = _in_patches(uncovered | missed, _CRUMB, 0.5) | clearly
        unknown = cv2.dilate(unknown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        share = float(unknown.mean())
        if share:
            coordinates = self._analogy.filled(picture, coordinates, unknown)
        self._last = smoothed_edges(coordinates)
        return self._carried_frame(picture, share)

    def _carried_frame(self, picture: Picture, share: float) -> CarriedFrame:
        self._differed = _difference(picture, self._seen(self._last))
        smooth = cv2.GaussianBlur(self._differed, (0, 0), _WINDOW).astype(np.float32)
        return CarriedFrame(self._last, smooth, share)

    def _seen(self, coordinates: Coordinates) -> Picture:
        return np.asarray(preview(self._source, coordinates), np.uint8)


def _in_patches(unknown: Mask, window: float, area: float) -> Mask:
    """``unknown`` without crumbs, less than ``area`` of a window, where motion is off by a pixel."""
    share = cv2.GaussianBlur(unknown.astype(np.float32), (0, 0), window)
    return np.asarray(share > area, np.bool_)


def _difference(picture: Picture, seen: Picture) -> Plane:
    """Between a frame and what the keyframe shows of it, 0 to 1; changes of light count less."""
    apart = (picture.astype(np.float32) - seen) / 255
    light = cv2.GaussianBlur(apart, (0, 0), _LIGHTING)
    return np.asarray(np.abs(apart - np.float32(_LIGHT_SHARE) * light).mean(-1), np.float32)


def _limit(picture: Picture) -> Plane:
    """The difference, 0 to 1, above which a frame shows something else than the keyframe."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    mean, square = (cv2.GaussianBlur(each, (0, 0), _WINDOW) for each in (grey, grey * grey))
    return np.asarray(_LIMIT + _TEXTURED * np.sqrt(np.maximum(square - mean * mean, 0)), np.float32)
