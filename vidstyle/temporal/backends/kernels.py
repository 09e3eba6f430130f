"""Kernels and weight matrices for sampling, downsampling and smoothing: NumPy, float32."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

STEPS = 1024  # subpixel positions for which the Lanczos kernel is tabulated
_LOBES = 5  # of the sinc, on each side: half-way between pixels 4 keep 0.86 of the sharpness, 5 keep 0.92


def lanczos(steps: int = STEPS) -> NDArray[np.float32]:
    """(10, steps + 1): Lanczos weights of ten pixels, by the position between the fifth and sixth."""
    distance = np.arange(steps + 1) / steps - np.arange(1 - _LOBES, 1 + _LOBES)[:, None]
    kernel = np.sinc(distance) * np.sinc(distance / _LOBES)
    weights: NDArray[np.float32] = (kernel / kernel.sum(0)).astype(np.float32)
    return weights


def area_weights(size: int, new: int) -> NDArray[np.float32]:
    """(new, size): weights of area averaging from ``size`` to fewer ``new`` pixels; rows sum to 1."""
    edges = np.arange(new + 1) * size / new
    begin = np.maximum.outer(edges[:-1], np.arange(size))
    end = np.minimum.outer(edges[1:], np.arange(size) + 1)
    shares: NDArray[np.float32] = ((end - begin).clip(0) * new / size).astype(np.float32)
    return shares


def gaussian_weights(size: int, sigma: float) -> NDArray[np.float32]:
    """(size, size): weights of a Gaussian of ``sigma`` px with replicated borders; rows sum to 1."""
    reach = max(1, round(4 * sigma))
    kernel = cv2.getGaussianKernel(2 * reach + 1, sigma)[:, 0]
    matrix = np.zeros((size, size))
    middle = np.arange(size)
    for step, weight in zip(range(-reach, reach + 1), kernel, strict=True):
        np.add.at(matrix, (middle, (middle + step).clip(0, size - 1)), weight)
    return matrix.astype(np.float32)
