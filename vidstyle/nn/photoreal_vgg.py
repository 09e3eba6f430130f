"""The small VGG to conv3_1 with average pooling, decoded with what pooling removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from vidstyle.nn.folding import Convolution
from vidstyle.nn.small_vgg import SmallVGG, convolved, layers_of


class PhotorealVGG(SmallVGG):
    """An encoder, and decoders from each level to the means of 2x2 features of the level below.

    As in WCT2 (Yoo et al. 2019), pooling loses nothing: the means are the low-pass part of Haar's wavelets,
    and what they leave of the features of a level is kept, and joined to the means that are decoded.
    """

    deepest: ClassVar[int] = 3  # with conv4_1, edges have halos some 40 px wide
    layers = layers_of(deepest)

    def all_levels(self, image: Tensor) -> tuple[Tensor, ...]:
        """Features (B, C, h, w) of levels 1 to 3 of ``image`` (B, 3, H, W) in [0, 1].

        Its sides are multiples of 4 px.
        """
        return tuple(self._levels(image, self.deepest).values())

    def decode(self, value: Tensor, level: int, first: Convolution | None = None) -> Tensor:
        """Features of ``level`` to the means of 2x2 features of the level below; those of level 1 to RGB.

        ``first`` takes the place of the decoder's first convolution.
        """
        value = convolved(value, *(first or self.first(level)))
        if level == 1:
            return value
        inner = F.relu_(convolved(F.relu_(value), *self._layer(f"decoder{level}_1")))
        return F.relu_(convolved(inner, *self._layer(f"decoder{level}_2")).add_(value))

    def joined(self, means: Tensor, features: Tensor) -> Tensor:
        """``features`` (B, C, h, w) with ``means`` (B, C, h/2, w/2) of 2x2, and the detail that they had.

        The change of the means is enlarged bilinearly, so that it makes no blocks.
        """
        change = F.interpolate(means - self._pooled(features), scale_factor=2.0, mode="bilinear")
        return change.add_(features)

    def reconstructed(self, levels: Sequence[Tensor]) -> Tensor:
        """RGB (B, 3, H, W), about [0, 1], decoded from the last of ``levels``: features from level 1 on."""
        value = levels[-1]
        for level in range(len(levels), 1, -1):
            value = self.joined(self.decode(value, level), levels[level - 2])
        return self.decode(value, 1)

    def _pooled(self, value: Tensor) -> Tensor:
        return F.avg_pool2d(value, 2)
