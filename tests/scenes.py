"""Made scenes with known motion, and a painter that flickers: what the tests of steadiness look at."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.frames import Pixels


def ground(height: int, width: int, seed: int = 1) -> NDArray[np.float32]:
    """A large picture with structure at every size, (height, width, 3), 0 to 255."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 120, np.float32)
    for sigma, amplitude in ((3, 60), (12, 60), (40, 60)):
        noise = random.standard_normal((height, width, 3)).astype(np.float32)
        picture += amplitude * 2 * sigma * cv2.GaussianBlur(noise, (0, 0), sigma)
    for _ in range(height * width // 4000):
        x, y = int(random.integers(width)), int(random.integers(height))
        axes = (int(random.integers(4, 20)), int(random.integers(4, 20)))
        color = [float(value) for value in random.integers(0, 255, 3)]
        cv2.ellipse(picture, (x, y), axes, float(random.integers(180)), 0, 360, color, -1, cv2.LINE_AA)
    return np.clip(picture, 0, 255)


def view(
    picture: NDArray[np.float32], x: float, y: float, zoom: float, height: int, width: int, angle: float = 0.0
) -> NDArray[np.float32]:
    """What a camera over (x, y) of ``picture``, turned by ``angle`` (degrees), sees."""
    matrix = cv2.getRotationMatrix2D((0, 0), angle, zoom)
    matrix[:, 2] = np.array([width / 2, height / 2]) - matrix[:, :2] @ np.array([x, y])
    seen = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC)
    return np.asarray(seen, np.float32)


def shot(picture: NDArray[np.float32], noise: float = 0.0, seed: int = 0) -> Pixels:
    """As a camera stores it, with ``noise`` (deviation, levels of 255)."""
    seen = np.rint(picture)
    if noise:
        random = np.random.default_rng(seed)
        seen = np.rint(picture + random.normal(0, noise, picture.shape))
    return np.clip(seen, 0, 255).astype(np.uint8)


def flickering(content: Pixels, seed: int, amount: float = 30.0) -> Pixels:
    """A "painting" of ``content``: its colours, turned, under strokes that are others each time."""
    random = np.random.default_rng(seed)
    strokes = cv2.GaussianBlur(random.standard_normal(content.shape).astype(np.float32), (0, 0), 1.0)
    return np.clip(255.0 - content + amount * 3.5 * strokes, 0, 255).astype(np.uint8)


def sharpness(pixels: Pixels) -> float:
    """The variance of the Laplacian of the luminance."""
    return float(cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def change(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference, levels of 255."""
    return float(np.abs(one.astype(np.float32) - other.astype(np.float32)).mean())
