"""The bundled VGG-16 features by layer name, for the style encoder, metrics and losses."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle import weights
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.nn.padding import reflected

LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv4_1")
_POOLED = ("conv1_2", "conv2_2", "conv3_3")  # 2x2 pooling follows these
Padding = Literal["zeros", "reflect"]
Pooling = Literal["max", "average"]
_MEAN = (103.939, 116.779, 123.68)  # of ImageNet; blue, green, red


class VGG(nn.Module):
    """VGG-16 to conv4_1: ReLU after each convolution, weights in float32.

    It was trained with zero padding; padded by reflection, it has no features of the picture's border. It was
    trained with max pooling; averages have smoother gradients (Gatys et al. 2015, 2.1).
    """

    layers = LAYERS

    def __init__(
        self, tensors: dict[str, Tensor], *, padding: Padding = "zeros", pooling: Pooling = "max"
    ) -> None:
        super().__init__()
        self._padding = padding
        self._pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
        for layer in LAYERS:
            for part in ("weight", "bias", "scale"):
                if f"{layer}.{part}" not in tensors:
                    raise WeightsMismatch(f"the VGG features' weights lack {layer}.{part}")
                # not persistent: they belong to their own file, not to the state of the modules that use them
                self.register_buffer(f"{layer}_{part}", tensors[f"{layer}.{part}"].float(), persistent=False)
        self.register_buffer("_mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.to(memory_format=torch.channels_last)

    def features(self, image: Tensor, layers: Collection[str] = LAYERS) -> dict[str, Tensor]:
        """Features (B, C, h, w) after the ReLU of ``layers``, of an ``image`` (B, 3, H, W) RGB in [0, 1].

        Both sides must be 8 px or more for conv4_1. Deeper layers than needed are not computed. Raises
        ``OptionError`` for an unknown layer.
        """
        if unknown := [layer for layer in layers if layer not in LAYERS]:
            raise OptionError(f"no VGG layer {unknown[0]!r}; there are: {', '.join(LAYERS)}")
        deepest = max((LAYERS.index(layer) for layer in layers), default=-1)
        outputs: dict[str, Tensor] = {}
        value = (image.float().flip(1) * 255.0 - self.get_buffer("_mean")).contiguous(
            memory_format=torch.channels_last
        )
        for layer in LAYERS[: deepest + 1]:
            kernel, bias = self.get_buffer(f"{layer}_weight"), self.get_buffer(f"{layer}_bias")
            value = F.relu_(self._convolved(value, kernel, bias))
            if layer in layers:
                outputs[layer] = value
            if layer in _POOLED:
                value = self._pool(value, 2)
        return outputs

    def _convolved(self, value: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        if self._padding == "zeros":
            return F.conv2d(value, kernel, bias, padding=1)
        return F.conv2d(reflected(value), kernel, bias)

    def scale(self, layer: str) -> Tensor:
        """(C,) the deviation of ``layer``'s channels over photographs and artworks; losses divide by it."""
        return self.get_buffer(f"{layer}_scale")


def bundled(*, padding: Padding = "zeros", pooling: Pooling = "max") -> VGG:
    """The bundled features, on the CPU."""
    return VGG(weights.load(weights.VGG16), padding=padding, pooling=pooling)
