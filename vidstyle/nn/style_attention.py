"""Attention of the places of a frame over those of a style (SANet 2019; as in AdaAttN 2021)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.errors import WeightsMismatch

_PARTS = ("query", "key", "value")
_SLACK = 1e-5  # added to variances; features are about 1


class StyleAttention(nn.Module):
    """Learnt queries, keys and values of the features of one level.

    ``query`` and ``key`` see features that are normalised by channel, ``value`` features as they are.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(channels, channels) for _ in _PARTS)
        self.renew()

    @torch.no_grad()
    def renew(self) -> None:
        """Begin with features themselves: alike places attend to each other, and take what is there."""
        for layer in (self.query, self.key, self.value):
            nn.init.eye_(layer.weight)
            layer.bias.zero_()

    def tokens(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, N, C) of N places of a style; ``features`` are (B, N, C)."""
        variance, mean = torch.var_mean(features, dim=1, correction=0, keepdim=True)
        return self.key((features - mean) / (variance + _SLACK).sqrt()), self.value(features)

    def forward(self, normalised: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What places of a frame, ``normalised`` (B, M, C), take from a style; (B, M, C).

        S·x + M with M = A·V, S = √(A·V² - M²) and A = softmax(Q·Kᵀ/√C): the attended mean and deviation of
        the style, place by place (Liu et al. 2021, eq. 4 to 7).
        """
        both = torch.cat([values, values.square()], -1)
        mean, square = F.scaled_dot_product_attention(self.query(normalised), keys, both).chunk(2, -1)
        deviation = ((square - mean.square()).clamp_min(0.0) + _SLACK).sqrt()
        return torch.addcmul(mean, deviation, normalised)


def attentions(tensors: Mapping[str, Tensor], channels: Mapping[int, int], *, name: str) -> nn.ModuleDict:
    """The attention of each level in ``channels`` (level to number), as ``attention4.query.weight`` ….

    New ones if ``tensors`` hold none. Raises ``WeightsMismatch`` for one that is missing or of another shape.
    """
    made = nn.ModuleDict({f"attention{level}": StyleAttention(count) for level, count in channels.items()})
    own = made.state_dict()
    if not any(key.startswith("attention") for key in tensors):
        return made
    for key, value in own.items():
        if key not in tensors or tensors[key].shape != value.shape:
            raise WeightsMismatch(f"{name} does not hold this attention: {key} is missing or differs")
    made.load_state_dict({key: tensors[key].float() for key in own})
    return made


def places(features: Tensor) -> Tensor:
    """``features`` (B, C, h, w) as (B, h·w, C), float32."""
    return features.float().flatten(2).transpose(1, 2)
