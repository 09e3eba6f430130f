"""Weights of pixels that are blurred, made fewer or looked at in between: NumPy matrices, float32."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

STEPS = 1024  # to a pixel, for which the kernel of sharp samples is known
_LOBES = 5  # of the sinc, to each side: 4 keep 0.86 of the sharpness half-way between pixels, 5 keep 0.92


def lanczos(steps: int = STEPS) -> NDArray[np.float32]:
    """(10, steps + 1): weights of the ten pixels around a place, by where it lies after the fifth."""
    distance = np.arange(steps + 1) / steps - np.arange(1 - _LOBES, 1 + _LOBES)[:, None]
    kernel = np.sinc(distance) * np.sinc(distance / _LOBES)
    weights: NDArray[np.float32] = (kernel / kernel.sum(0)).astype(np.float32)
    return weights


def areas(size: int, new: int) -> NDArray[np.float32]:
    """(new, size): which share each of ``size`` pixels has in each of the fewer ``new`` ones."""
    edges = np.arange(new + 1) * size / new
    begin = np.maximum.outer(edges[:-1], np.arange(size))
    end = np.minimum.outer(edges[1:], np.arange(size) + 1)
    shares: NDArray[np.float32] = ((end - begin).clip(0) * new / size).astype(np.float32)
    return shares


def gaussian(size: int, sigma: float) -> NDArray[np.float32]:
    """(size, size): a Gaussian around each pixel; beyond the edges the last pixel is seen."""
    reach = max(1, round(4 * sigma))
    kernel = cv2.getGaussianKernel(2 * reach + 1, sigma)[:, 0]
    matrix = np.zeros((size, size))
    middle = np.arange(size)
    for step, weight in zip(range(-reach, reach + 1), kernel, strict=True):
        np.add.at(matrix, (middle, (middle + step).clip(0, size - 1)), weight)
    return matrix.astype(np.float32)
