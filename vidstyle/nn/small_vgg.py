"""A small VGG of vidstyle's own: an encoder to conv4_1, and decoders from each level to the one below."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle import weights
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.nn.folding import Convolution
from vidstyle.nn.padding import reflected

LEVELS = (1, 2, 3, 4)
_LAYERS = (
    ("conv1_1", "conv1_2"),
    ("conv2_1", "conv2_2"),
    ("conv3_1", "conv3_2", "conv3_3"),
    ("conv4_1",),
)  # 2x2 max pooling lies between the groups; a level is the first layer of its group
_CENTRE, _GAIN = 0.45, 4.0  # the encoder's input is (RGB - centre) * gain


def layers_of(deepest: int) -> tuple[str, ...]:
    """The layers that are the levels from 1 to ``deepest``."""
    return tuple(f"conv{level}_1" for level in LEVELS[:deepest])


class SmallVGG(nn.Module):
    """Distilled from VGG-16 and trained to be decoded; every convolution is 3x3, padded by reflection.

    Features are divided by their deviations over many pictures, so that all channels are of one size.

    Args:
        tensors: as in ``small-vgg.safetensors``: ``encoder.conv1_1.weight`` …, ``scale.conv1_1`` …,
            ``decoder4.0.weight`` … Raises ``WeightsMismatch`` if one is missing.
    """

    deepest: ClassVar[int] = LEVELS[-1]
    layers = layers_of(deepest)
    """The layers of ``features``: those of its levels."""

    def __init__(self, tensors: Mapping[str, Tensor], *, name: str = "the file") -> None:
        super().__init__()
        try:
            scaled = _with_scales(tensors, self.deepest)
        except KeyError as error:
            raise WeightsMismatch(f"{name} does not hold a small VGG: {error.args[0]} is missing") from error
        except RuntimeError as error:
            raise WeightsMismatch(
                f"{name} does not hold a small VGG: {str(error).splitlines()[0]}"
            ) from error
        for key, (kernel, bias) in scaled.items():
            kernel = kernel.contiguous(memory_format=torch.channels_last)
            self.register_buffer(f"{key}_weight", kernel, persistent=False)
            self.register_buffer(f"{key}_bias", bias, persistent=False)

    def features(self, image: Tensor, layers: Collection[str] = layers) -> dict[str, Tensor]:
        """Features (B, C, h, w) of ``layers`` of an ``image`` (B, 3, H, W) RGB in [0, 1], 16 px or more.

        Each channel is divided by its deviation over many pictures. Raises ``OptionError`` for an unknown
        layer.
        """
        if unknown := [layer for layer in layers if layer not in self.layers]:
            raise OptionError(
                f"no layer {unknown[0]!r} in the small VGG; there are: {', '.join(self.layers)}"
            )
        wanted = {int(layer[4]): layer for layer in layers}
        known = self._levels(image.contiguous(memory_format=torch.channels_last), max(wanted, default=0))
        return {layer: known[level] for level, layer in wanted.items()}

    def scale(self, layer: str) -> Tensor:
        """Ones, as features are divided by their deviations already."""
        return self.get_buffer("conv1_1_bias").new_ones(1)

    def channels(self, level: int) -> int:
        """Channels of the features of ``level``."""
        return len(self.get_buffer(f"conv{level}_1_bias"))

    def encode(self, image: Tensor, level: int) -> Tensor:
        """Features (B, C, h, w) of ``level`` (from 1 on), 2**(level - 1) times smaller than ``image``.

        ``image`` is (B, 3, H, W) RGB in [0, 1]; its sides are multiples of 2**(level - 1), 16 or more.
        """
        return self._levels(image, level)[level]

    def _levels(self, image: Tensor, deepest: int) -> dict[int, Tensor]:
        value = image
        levels: dict[int, Tensor] = {}
        for group, layers in enumerate(_LAYERS[:deepest], start=1):
            if group > 1:
                value = self._pooled(value)
            for layer in layers if group < deepest else layers[:1]:
                value = F.relu(convolved(value, *self._layer(layer)))
                levels.setdefault(group, value)
        return levels

    def first(self, level: int) -> Convolution:
        """The first convolution of the decoder of ``level``, float32; maps of the features fold into it."""
        return self._layer(f"decoder{level}_0")

    def decode(self, value: Tensor, level: int, first: Convolution | None = None) -> Tensor:
        """Features of ``level`` to those of the level below; those of level 1 to RGB, about [0, 1].

        ``first`` takes the place of the decoder's first convolution.
        """
        value = convolved(value, *(first or self.first(level)))
        if level == 1:
            return value
        value = F.interpolate(F.relu_(value), scale_factor=2.0, mode="nearest")
        inner = F.relu_(convolved(value, *self._layer(f"decoder{level}_1")))
        return F.relu_(convolved(inner, *self._layer(f"decoder{level}_2")).add_(value))

    def picture(self, value: Tensor, level: int, first: Convolution | None = None) -> Tensor:
        """Features of ``level`` all the way to RGB in [0, 1]; ``first`` as in ``decode``."""
        value = self.decode(value, level, first)
        for below in range(level - 1, 0, -1):
            value = self.decode(value, below)
        return value.clamp_(0.0, 1.0)

    def _pooled(self, value: Tensor) -> Tensor:
        return F.max_pool2d(value, 2)

    def _layer(self, name: str) -> Convolution:
        return self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")


def bundled() -> SmallVGG:
    """The bundled small VGG, on the CPU."""
    return SmallVGG(weights.load(weights.SMALL_VGG), name=weights.SMALL_VGG.file)


def with_encoder(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` with the encoder of the bundled small VGG, unless they have one."""
    if any(key.startswith("encoder.") for key in tensors):
        return dict(tensors)
    known = weights.load(weights.SMALL_VGG)
    encoder = {key: value for key, value in known.items() if not key.startswith("decoder")}
    return {**encoder, **tensors}


def convolved(value: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(reflected(value), kernel.to(value.dtype), bias.to(value.dtype))


def _with_scales(tensors: Mapping[str, Tensor], deepest: int) -> dict[str, Convolution]:
    """All convolutions to the level ``deepest``, the scales of features and of the input folded into them.

    A ReLU commutes with a positive factor, so that a scale may be applied before it.
    """

    def convolution(key: str) -> Convolution:
        return tensors[f"{key}.weight"].float(), tensors[f"{key}.bias"].float()

    folded: dict[str, Convolution] = {}
    inputs: Tensor | None = None  # divisors of the layer's input features
    for group, layers in enumerate(_LAYERS[:deepest], start=1):
        for place, layer in enumerate(layers if group < deepest else layers[:1]):
            kernel, bias = convolution(f"encoder.{layer}")
            if inputs is None and layer == "conv1_1":
                bias = bias - _GAIN * _CENTRE * kernel.sum((1, 2, 3))
                kernel = kernel * _GAIN
            elif inputs is not None:
                kernel = kernel * inputs.view(1, -1, 1, 1)
            inputs = None
            if place == 0:
                inputs = tensors[f"scale.{layer}"].float()
                kernel, bias = kernel / inputs.view(-1, 1, 1, 1), bias / inputs
            folded[layer] = kernel, bias
    for level in LEVELS[:deepest]:
        for part in range(1 if level == 1 else 3):
            folded[f"decoder{level}_{part}"] = convolution(f"decoder{level}.{part}")
    return folded
