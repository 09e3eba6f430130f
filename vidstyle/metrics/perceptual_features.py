"""Perceptual features for metrics: by layer, divided by their usual deviation, at a bounded size."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.nn.encoder_features import Encoder, scaled

LARGEST = 480  # px, short side at which results are encoded, at most
STYLE_AREA = 256 * 256  # px², area at which a style picture is encoded
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
CONTENT_LAYER = "conv4_1"


class Features:
    """Scaled features of pictures; the latest are kept, because several metrics use them."""

    def __init__(self, encoder: Encoder, *, remember: int = 4) -> None:
        self.encoder = encoder
        self._recent: deque[tuple[Tensor, Mapping[str, Tensor]]] = deque(maxlen=remember)

    def __call__(self, picture: Tensor) -> Mapping[str, Tensor]:
        """Features (1, C, h, w) by layer of ``picture`` (1, 3, H, W), its short side at most ``LARGEST``."""
        for known, features in self._recent:
            if known is picture:
                return features
        features = self._encode(limited(picture))
        self._recent.append((picture, features))
        return features

    def of_style(self, picture: Tensor) -> Mapping[str, Tensor]:
        """Features of a style picture, resized to an area of ``STYLE_AREA``, its aspect ratio kept."""
        height, width = picture.shape[-2:]
        factor = (STYLE_AREA / (height * width)) ** 0.5
        return self._encode(_resized(picture, round(height * factor), round(width * factor)))

    def _encode(self, picture: Tensor) -> Mapping[str, Tensor]:
        return scaled(self.encoder, _at_least(picture, 16), STYLE_LAYERS)


def bundled(device: torch.device | str = "cpu") -> Features:
    """The bundled VGG-16 features (``assets/vgg16-edges.safetensors``)."""
    from vidstyle.nn import vgg

    return Features(vgg.bundled().to(device))


def small(device: torch.device | str = "cpu") -> Features:
    """The features of the bundled small VGG, in a fifth of VGG-16's time."""
    from vidstyle.nn import small_vgg

    return Features(small_vgg.bundled().to(device))


def limited(picture: Tensor) -> Tensor:
    """``picture`` with its short side at most ``LARGEST``, its aspect ratio kept."""
    height, width = picture.shape[-2:]
    factor = LARGEST / min(height, width)
    return picture if factor >= 1 else _resized(picture, round(height * factor), round(width * factor))


def _resized(picture: Tensor, height: int, width: int) -> Tensor:
    size = (max(1, height), max(1, width))
    if picture.shape[-2:] == size:
        return picture
    # .contiguous: antialiased resizing of channels-last pictures is several times slower
    return F.interpolate(picture.contiguous(), size=size, mode="bilinear", antialias=True)


def _at_least(picture: Tensor, side: int) -> Tensor:
    """``picture`` with its last lines and columns repeated until the deepest layer has a pixel."""
    height, width = picture.shape[-2:]
    right, below = max(0, side - width), max(0, side - height)
    return F.pad(picture, (0, right, 0, below), mode="replicate") if right or below else picture
