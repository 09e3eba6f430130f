"""What will be repainted is foretold: what motion leaves unexplained, and what it stretches."""

from __future__ import annotations

import cv2
import numpy as np

from vidstyle.frames import Pixels
from vidstyle.temporal.repaint_forecast import expected_repaint, grey_thumbnail


def ground(seed: int = 3) -> Pixels:
    """A blurred pattern, 240x160."""
    noise = np.random.default_rng(seed).integers(0, 256, (160, 240, 3)).astype(np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 4).astype(np.float32)
    return np.clip((blurred - 128) * 5 + 128, 0, 255).astype(np.uint8)


def forecast(before: Pixels, now: Pixels) -> float:
    return expected_repaint(grey_thumbnail(before), grey_thumbnail(now))


def difference(before: Pixels, now: Pixels) -> float:
    return float(np.abs(before.astype(np.float32) - now).mean())


def test_what_appears_counts_more_than_what_moves_though_more_pixels_differ_then() -> None:
    before, moved, appeared = ground()[:, 4:], ground()[:, :-4], ground()[:, 4:].copy()
    appeared[40:100, 60:140] = ground(seed=4)[40:100, 60:140]
    assert difference(before, moved) > difference(before, appeared)
    assert forecast(before, moved) < forecast(before, appeared) / 2


def test_what_is_stretched_counts_more_than_what_moves_as_a_whole() -> None:
    before, moved = ground()[:, 4:], ground()[:, :-4]
    larger = cv2.resize(before, None, fx=1.04, fy=1.04)[3 : 3 + before.shape[0], 4 : 4 + before.shape[1]]
    assert difference(before, moved) > difference(before, larger)  # type: ignore[arg-type]
    assert forecast(before, moved) < forecast(before, larger) / 2  # type: ignore[arg-type]


def test_a_picture_that_stays_has_nothing_to_repaint_in_8_and_in_16_bits() -> None:
    still = ground()
    deep = still.astype(np.uint16) * 257
    assert forecast(still, still) == forecast(deep, deep) == 0.0
