"""Scaled features and Gram matrices of an encoder's layers, for metrics and losses."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from torch import Tensor


class Encoder(Protocol):
    """A network whose layers are called by name."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that there are, shallow to deep."""

    def features(self, image: Tensor, layers: Collection[str] = ...) -> dict[str, Tensor]: ...

    def scale(self, layer: str) -> Tensor: ...


def scaled(encoder: Encoder, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    """Features (B, C, h, w) of ``layers``, each channel divided by its usual deviation."""
    features = encoder.features(picture, layers)
    return {layer: over_scale(encoder, layer, value) for layer, value in features.items()}


def over_scale(encoder: Encoder, layer: str, features: Tensor) -> Tensor:
    """``features`` (B, C, h, w) of ``layer``, each channel divided by its usual deviation."""
    return features / encoder.scale(layer).view(1, -1, 1, 1)


def gram(features: Tensor) -> Tensor:
    """G = F·Fᵀ / (h·w) of each picture's ``features`` (B, C, h, w): (B, C, C), in float32."""
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]
