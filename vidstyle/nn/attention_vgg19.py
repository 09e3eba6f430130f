"""The networks of SANet's and AdaAttN's authors: VGG-19 to conv5_1, attention at its levels, a decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.nn.adain_vgg19 import ENCODER, AdaINVGG19
from vidstyle.nn.small_vgg import convolved

DEEP_ENCODER = {**ENCODER, 4: ("conv4_1", "conv4_2", "conv4_3", "conv4_4"), 5: ("conv5_1",)}
_PARTS = ("query", "key", "value")
_CHUNK = 4096  # places of a frame that attend at once: 64 MB of weights for as many places of a style


class AttentionVGG19(AdaINVGG19):
    """SANet (Park and Lee 2019) or AdaAttN (Liu et al. 2021), by what the tensors are.

    SANet attends at conv5_1 and conv4_1 by the features of that level. AdaAttN also attends at conv3_1, and
    by the features of all levels up to the one that attends, sampled at its places.

    Args:
        tensors: those of ``AdaINVGG19``, with ``encoder.conv4_2.weight`` … ``encoder.conv5_1.bias``;
            ``attention5.query.weight`` (K, K), its ``key`` and ``value`` (C, C), with biases, and those of
            ``attention4``, and of AdaAttN ``attention3``; ``merge.weight`` (512, 512, 3, 3) and its bias.
            Raises ``WeightsMismatch`` if one is missing.
    """

    method = "SANet's or AdaAttN's"
    encoder: ClassVar[Mapping[int, Sequence[str]]] = DEEP_ENCODER

    def __init__(self, tensors: Mapping[str, Tensor], *, name: str = "the file") -> None:
        super().__init__(tensors, name=name)
        self.is_adaattn = any(key.startswith("attention3.") for key in tensors)
        self.attended = (5, 4, 3) if self.is_adaattn else (5, 4)
        """The levels that attend, coarse to fine."""
        for level in self.attended:
            for part in _PARTS:
                self.keep(f"attention{level}.{part}", tensors, name)
        self.keep("merge", tensors, name)

    def compared(self, level: int) -> tuple[int, ...]:
        """The levels whose features are queries and keys of ``level``, fine to coarse."""
        return tuple(range(1, level + 1)) if self.is_adaattn else (level,)

    def tokens(self, level: int, normalised: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Keys (B, N, K) and values (B, N, C) of N places of a style.

        ``normalised`` (B, N, K) are the features that are compared, ``features`` (B, N, C) the level's own.
        """
        return self._mapped(normalised, level, "key"), self._mapped(features, level, "value")

    def attend(self, level: int, normalised: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """A·V of places ``normalised`` (B, M, K) of a frame, A = softmax(Q·Kᵀ) over the style's: (B, M, C).

        Of AdaAttN, whose values are followed by their squares, the deviation √(A·V² - M²) follows M = A·V.
        """
        queries = torch.split(self._mapped(normalised, level, "query"), _CHUNK, 1)
        if self.is_adaattn:
            values = torch.cat([values, values.square()], -1)
        attended = torch.cat(
            [F.scaled_dot_product_attention(part, keys, values, scale=1.0) for part in queries], 1
        )
        if not self.is_adaattn:
            return attended
        mean, square = attended.chunk(2, -1)
        return torch.cat([mean, (square - mean.square()).clamp_min(0.0).sqrt()], -1)

    def merged(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """What conv5_1, ``coarse`` (B, 512, h/2, w/2), and conv4_1, ``fine``, have attended to, as one."""
        doubled = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return convolved(fine + doubled, *self._layer("merge"))

    def _mapped(self, value: Tensor, level: int, part: str) -> Tensor:
        return F.linear(value, *self._layer(f"attention{level}_{part}"))
