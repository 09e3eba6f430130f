"""The small VGG with one decoder, whose features are mapped at four levels on their way to a picture."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.errors import WeightsMismatch
from vidstyle.nn.folding import Convolution, folded
from vidstyle.nn.padding import reflected

LEVELS = (4, 3, 2, 1)
_ENCODER = ("stem0", "stem1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv4_1")
_DECODER = (*(f"decoder{level}_{part}" for level in (4, 3) for part in range(3)), "head0", "head1")
_INTO = {4: "decoder4_0", 3: "decoder3_0", 2: "head0"}  # the convolution that follows a level
_SKIP = 0.2  # share of the encoder's features in those of level 3; the decoder was trained with it
_CENTRE, _GAIN = 0.45, 4.0  # networks see (RGB - centre) * gain


class SinglePassVGG(nn.Module):
    """An encoder to conv4_1 and a decoder; nothing is computed at the size of the picture.

    Levels 4, 3 and 2 are features at an eighth, a quarter and half of the size. Level 1 are the blocks of 2x2
    pixels of a picture: 12 channels at half of the size. Every convolution is 3x3, padded by reflection.

    Args:
        tensors: as in ``wct-single-pass.safetensors``: ``stem0.weight``, ``stem0.bias``, ``stem1.weight`` …
            Raises ``WeightsMismatch`` if one is missing.
    """

    def __init__(self, tensors: Mapping[str, Tensor], *, name: str = "the file") -> None:
        super().__init__()
        for layer in (*_ENCODER, *_DECODER):
            for part in ("weight", "bias"):
                if f"{layer}.{part}" not in tensors:
                    raise WeightsMismatch(
                        f"{name} does not hold a single-pass VGG: {layer}.{part} is missing"
                    )
            kernel, bias = tensors[f"{layer}.weight"].float(), tensors[f"{layer}.bias"].float()
            if layer == "stem0":
                kernel, bias = kernel * _GAIN, bias - _GAIN * _CENTRE * kernel.sum((1, 2, 3))
            elif layer == "head1":
                kernel, bias = kernel / _GAIN, bias / _GAIN + _CENTRE
            kernel = kernel.contiguous(memory_format=torch.channels_last)
            self.register_buffer(f"{layer}_weight", kernel, persistent=False)
            self.register_buffer(f"{layer}_bias", bias, persistent=False)

    def encode(self, image: Tensor) -> Mapping[int, Tensor]:
        """Features by level of ``image`` (B, 3, H, W) in [0, 1], its sides multiples of 8 px, 16 or more."""
        blocks = F.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        two = self._features("stem1", self._features("stem0", blocks))
        three = self._features("conv3_1", F.max_pool2d(self._features("conv2_2", two), 2))
        value = self._features("conv3_3", self._features("conv3_2", three))
        return {4: self._features("conv4_1", F.max_pool2d(value, 2)), 3: three, 2: two, 1: blocks}

    def decode(self, value: Tensor, level: int, into: Convolution | None = None) -> Tensor:
        """Decode features of ``level`` 4 or 3 to those of the level below, those of 2 to hidden ones of 1.

        Hidden features of level 1 become blocks of pixels. ``into`` takes the place of the convolution that
        a map of the level is folded into: see ``folded``.
        """
        if level == 1:
            return _convolved(value, *(into or self._layer("head1")))
        value = F.relu_(_convolved(value, *(into or self._layer(_INTO[level]))))
        if level == 2:
            return value
        # linear: whitening would make a weave of the edges of doubled pixels, in plain areas
        value = F.interpolate(value, scale_factor=2.0, mode="bilinear")
        inner = self._features(f"decoder{level}_1", value)
        return F.relu_(_convolved(inner, *self._layer(f"decoder{level}_2")).add_(value))

    def joined(self, decoded: Tensor, encoded: Tensor) -> Tensor:
        """Decoded features of level 3 with a share of the ``encoded`` ones, which keep outlines in place."""
        return torch.lerp(decoded, encoded, _SKIP)

    def folded(
        self, level: int, matrix: Tensor, offset: Tensor, mean: Tensor, precision: torch.dtype
    ) -> Convolution:
        """The convolution before level 1 or after another ``level`` with a map of its features folded in.

        Args:
            matrix, offset: (C, C) and (C,) float64; features f become matrix·f + offset.
            mean: (C,) of the features. For these the result is exact, whatever the rounding to ``precision``.
        """
        if level == 1:
            kernel, bias = (part.double() for part in self._layer("head1"))
            kernel = torch.einsum("oi,ijyx->ojyx", matrix, kernel).to(precision)
            shift = matrix @ bias + offset
            return kernel.contiguous(memory_format=torch.channels_last), shift.to(precision)
        return folded(self._layer(_INTO[level]), matrix, offset, mean, precision)

    def _features(self, layer: str, value: Tensor) -> Tensor:
        return F.relu_(_convolved(value, *self._layer(layer)))

    def _layer(self, name: str) -> Convolution:
        return self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")


def _convolved(value: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(reflected(value), kernel.to(value.dtype), bias.to(value.dtype))
