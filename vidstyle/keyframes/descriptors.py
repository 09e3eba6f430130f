"""What a pixel looks like, for finding similar ones: features of the small VGG and colour."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidstyle.nn.small_vgg import SmallVGG
from vidstyle.tensors import to_tensor

Descriptors = NDArray[np.float32]
"""(h, w, C), of about unit variance in all; squared differences are distances."""

_LAYERS = ("conv2_1", "conv3_1")
_COMPONENTS = 12  # of the features' principal components, which hold most of their variance
_COLOR = 3.0  # weight of colour, over its standard deviation of about 0.25
_LARGEST = 20_000  # pixels from which the components are computed
_SMALLEST = 16  # px: what the network takes


class Describer:
    """Describes frames in the terms of one keyframe's source: its features' principal components."""

    def __init__(self, network: SmallVGG, source: NDArray[np.uint8]) -> None:
        """``source`` is (h, w, 3) uint8."""
        self._network = network
        features = self._features(source)
        samples = features.reshape(-1, features.shape[-1])
        samples = samples[:: max(1, len(samples) // _LARGEST)]
        self._mean = samples.mean(0)
        values, vectors = np.linalg.eigh(np.cov(samples - self._mean, rowvar=False))
        basis = vectors[:, ::-1][:, :_COMPONENTS]
        # signs of eigenvectors are arbitrary, but distances do not depend on them
        scale = np.sqrt(max(float(values.sum()), 1e-6))
        self._basis = np.asarray(basis / scale, np.float32)

    def __call__(self, picture: NDArray[np.uint8], scales: Sequence[int]) -> list[Descriptors]:
        """Descriptors of ``picture`` (h, w, 3) uint8, reduced by each of ``scales``."""
        height, width = picture.shape[:2]
        reduced = (self._features(picture) - self._mean) @ self._basis
        colors = picture.astype(np.float32) * np.float32(_COLOR / 255)
        result = []
        for scale in scales:
            size = max(1, width // scale), max(1, height // scale)
            parts = [_resized(each, size) for each in (reduced, colors)]
            result.append(np.ascontiguousarray(np.concatenate(parts, axis=-1), np.float32))
        return result

    def _features(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (h/4, w/4, C) of all layers."""
        # at half the size each feature sees twice as much, in a quarter of the time
        height, width = (max(1, side // 2) for side in picture.shape[:2])
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        if min(height, width) < _SMALLEST:
            factor = _SMALLEST / min(height, width)
            picture = _resized(picture, (round(width * factor), round(height * factor)))  # type: ignore[assignment]
        with torch.inference_mode():
            layers = self._network.features(to_tensor(picture), _LAYERS)
        planes = [np.asarray(layers[name][0].permute(1, 2, 0).numpy(), np.float32) for name in _LAYERS]
        size = planes[0].shape[1], planes[0].shape[0]
        # a pixel counts the same in each layer, however many channels it has
        return np.concatenate(
            [_resized(plane, size) / np.float32(np.sqrt(plane.shape[-1])) for plane in planes], -1
        )


def _resized(planes: NDArray[np.float32] | NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    """``planes`` (h, w, C) in another ``size`` (width, height)."""
    if planes.shape[1::-1] == size:
        return np.asarray(planes)
    way = cv2.INTER_AREA if size[0] < planes.shape[1] else cv2.INTER_LINEAR
    # OpenCV resizes at most four channels at a time this way
    parts = [
        cv2.resize(np.ascontiguousarray(planes[..., begin : begin + 4]), size, interpolation=way)
        for begin in range(0, planes.shape[-1], 4)
    ]
    return np.concatenate([part.reshape(size[1], size[0], -1) for part in parts], axis=-1)
