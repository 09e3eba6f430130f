"""The network of AdaIN's authors: VGG-19 to conv4_1, and a decoder that mirrors it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.errors import WeightsMismatch
from vidstyle.nn.folding import Convolution
from vidstyle.nn.small_vgg import convolved

ENCODER = {
    1: ("conv1_1", "conv1_2"),
    2: ("conv2_1", "conv2_2"),
    3: ("conv3_1", "conv3_2", "conv3_3", "conv3_4"),
    4: ("conv4_1",),
}  # 2x2 max pooling lies between the levels
DECODER = {4: 1, 3: 4, 2: 2, 1: 2}  # convolutions of each level; features are doubled between the levels


def is_vgg19(tensors: Mapping[str, Tensor]) -> bool:
    """Whether ``tensors`` hold this network, and not the small VGG."""
    return "encoder.conv3_4.weight" in tensors


class AdaINVGG19(nn.Module):
    """As ``SmallVGG``, of which it has what the engine adain needs; every convolution is 3x3, reflected.

    The decoder was trained from conv4_1, and what it computes on its way are not the features of an encoder.

    Args:
        tensors: ``encoder.conv1_1.weight`` … ``encoder.conv4_1.bias``, of RGB in [0, 1], and
            ``decoder4.0.weight`` … ``decoder1.1.bias``. Raises ``WeightsMismatch`` if one is missing.
    """

    method: ClassVar[str] = "AdaIN's"
    encoder: ClassVar[Mapping[int, Sequence[str]]] = ENCODER

    def __init__(self, tensors: Mapping[str, Tensor], *, name: str = "the file") -> None:
        super().__init__()
        for layer in layers(self.encoder):
            self.keep(layer, tensors, name)

    def keep(self, layer: str, tensors: Mapping[str, Tensor], name: str) -> None:
        """Keep weight and bias of ``layer``; raises ``WeightsMismatch`` if one is missing."""
        for part in ("weight", "bias"):
            if f"{layer}.{part}" not in tensors:
                raise WeightsMismatch(f"{name} does not hold {self.method} VGG-19: {layer}.{part} is missing")
            value = tensors[f"{layer}.{part}"].float()
            self.register_buffer(f"{layer}.{part}".replace(".", "_"), value, persistent=False)

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """conv4_1 (B, 512, H/8, W/8) of ``image`` (B, 3, H, W) in [0, 1], its sides multiples of 8 px."""
        value = image
        for features in self.levels(image):
            value = features  # those of the levels before are let go
        return {"conv4_1": value}

    def levels(self, image: Tensor) -> Iterator[Tensor]:
        """The first features of each level, 1 to the deepest, of ``image``."""
        value = image
        for level, names in self.encoder.items():
            value = F.max_pool2d(value, 2) if level > 1 else value
            for layer in names:
                value = F.relu_(convolved(value, *self._layer(f"encoder_{layer}")))
                if layer == names[0]:
                    yield value

    def first(self, level: int) -> Convolution:
        """The first convolution of the decoder of ``level``, float32."""
        return self._layer(f"decoder{level}_0")

    def decode(self, value: Tensor, level: int, first: Convolution | None = None) -> Tensor:
        """One level of the decoder; the result of level 1 is RGB, about [0, 1].

        ``first`` takes the place of its first convolution.
        """
        value = convolved(value, *(first or self.first(level)))
        for place in range(1, DECODER[level]):
            value = convolved(F.relu_(value), *self._layer(f"decoder{level}_{place}"))
        return value if level == 1 else F.interpolate(F.relu_(value), scale_factor=2.0, mode="nearest")

    def _layer(self, name: str) -> Convolution:
        return self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")


def layers(encoder: Mapping[int, Sequence[str]] = ENCODER) -> list[str]:
    """The convolutions of ``encoder`` and decoder, in order."""
    encoding = [f"encoder.{layer}" for names in encoder.values() for layer in names]
    return [*encoding, *(f"decoder{level}.{place}" for level in DECODER for place in range(DECODER[level]))]
