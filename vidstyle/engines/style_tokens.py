"""Styles as the keys and values of their places: what the engines that attend to them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from vidstyle.engines.base import EngineInfo
from vidstyle.engines.feature_statistics import FeatureEngine


@dataclass(frozen=True, slots=True, eq=False)
class StyleTokens:
    """Keys and values of the places of one style or of several."""

    keys: tuple[tuple[Tensor, ...], ...]
    """(1, N, C) of each style, and of each level in it, coarse to fine."""
    values: tuple[tuple[Tensor, ...], ...]
    """The same."""
    weights: tuple[float, ...] = (1.0,)
    """Of each style."""
    alpha: float = 1.0
    """The share of the attended features in those that are decoded."""


class TokenEngine(FeatureEngine[StyleTokens]):
    """The base of engines whose frames attend to the places of a style.

    A mixture attends to each style and takes the weighted mean.
    """

    info: ClassVar[EngineInfo] = EngineInfo(
        title="attention",
        good_for="textures of a style, in places of a clip that are like them, with weights of your own "
        "or those of SANet or AdaAttN",
        cost="3.2 times stylenet's",
        origin="none, it needs --weights",
        needs_weights=True,
        receptive_field=64,
        near_field=48,  # beyond, 0.1 levels in white noise
        near_error=1,
        multiple=8,
        smallest=16,
        largest=1280 * 720,  # about 250 MB for the weights of attention
        feature_strength=0.5,  # as of adain
    )
    levels: tuple[int, ...]
    """The levels at which frames attend, coarse to fine."""

    def mix(self, styles: Sequence[StyleTokens], weights: Sequence[float]) -> StyleTokens:
        return StyleTokens(
            tuple(keys for style in styles for keys in style.keys),
            tuple(values for style in styles for values in style.values),
            tuple(
                weight * own for style, weight in zip(styles, weights, strict=True) for own in style.weights
            ),
            sum(style.alpha * weight for style, weight in zip(styles, weights, strict=True)),
        )

    def at_strength(self, style: StyleTokens, strength: float) -> StyleTokens:
        return replace(style, alpha=min(1.0, style.alpha * strength))

    def style_tensors(self, style: StyleTokens) -> Mapping[str, Tensor]:
        numbers = torch.tensor([style.alpha, *style.weights], dtype=torch.float64)
        named = {"keys": style.keys, "values": style.values}
        parts = {
            f"{name}{number}_{place}": tensor
            for name, styles in named.items()
            for number, levels in enumerate(styles)
            for place, tensor in enumerate(levels)
        }
        return {"numbers": numbers, **parts}

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> StyleTokens:
        alpha, *weights = tensors["numbers"].tolist()
        keys, values = (
            tuple(
                tuple(tensors[f"{name}{number}_{place}"] for place in range(len(self.levels)))
                for number in range(len(weights))
            )
            for name in ("keys", "values")
        )
        return StyleTokens(keys, values, tuple(weights), alpha)
