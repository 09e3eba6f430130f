"""Whether motion explains a frame: the best translation, and how well smooth motion fits."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import ground, shot, view

from vidstyle.frames import Pixels
from vidstyle.temporal.continuity import best_translation, fit, is_continued, is_explained, textured

GROUND, OTHER = ground(400, 500), ground(400, 500, seed=5)


def seen(x: float = 0.0, y: float = 0.0, zoom: float = 1.0, angle: float = 0.0) -> Pixels:
    return shot(view(GROUND, 250 + x, 200 + y, zoom, 90, 160, angle))


def grey(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (7, -3), (-60, 10), (90, 0), (0, 50)])
def test_the_best_translation_is_the_true_one(x: int, y: int) -> None:
    correlation, found = best_translation(grey(seen()), grey(seen(x, y)))
    assert correlation > 0.5
    assert np.abs(np.array(found) - (x, y)).max() <= 2


@pytest.mark.parametrize(("zoom", "angle"), [(1.1, 0), (0.9, 0), (1, 8), (1.05, -5)])
def test_zoom_and_roll_are_motion(zoom: float, angle: float) -> None:
    assert fit(seen(), seen(zoom=zoom, angle=angle), (0, 0)).share > 0.7
    assert is_continued(seen(), seen(zoom=zoom, angle=angle))


def test_no_motion_makes_one_picture_of_another() -> None:
    other = shot(view(OTHER, 250, 200, 1, 90, 160))
    assert not is_explained(fit(seen(), other, (0, 0)))
    assert not is_continued(seen(), other)


def test_an_even_picture_has_nothing_to_compare() -> None:
    even = np.full((90, 160, 3), 90, np.uint8)
    assert textured(even) == 0
    assert textured(seen()) > 0.9
    assert not is_continued(even, even + np.uint8(60))
