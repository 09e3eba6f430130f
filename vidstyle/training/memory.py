"""Style pictures that come again: descriptors and statistics encoded once, and kept small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

from vidstyle.losses.step_features import LayerStatistics, Recall, StyleStatistics

Key = int | None
"""Says which cut of which picture; None: it does not come again."""


class StyleMemory:
    """What was computed of style pictures, by their keys; about 0.35 MB for each of them and each side.

    Gram matrices are kept as halves in float16. What is computed is rounded in the same way before it is
    given out: a run that was resumed, whose memory is empty, learns from the same numbers.
    """

    def __init__(self) -> None:
        self._descriptors: dict[int, Tensor] = {}
        self._statistics: dict[tuple[int, int], dict[str, tuple[Tensor, ...]]] = {}

    def descriptor(self, key: Key, compute: Callable[[], Tensor]) -> Tensor:
        """The descriptor (2816,) of a style picture."""
        if key is None:
            return compute()
        if key not in self._descriptors:
            self._descriptors[key] = compute()
        return self._descriptors[key]

    def of(self, keys: Sequence[Key]) -> Recall:
        """How the features of a step with pictures of these ``keys`` look theirs up."""

        def recall(number: int, side: int, compute: Callable[[], StyleStatistics]) -> StyleStatistics:
            key = keys[number]
            if key is None:
                return compute()
            if (key, side) not in self._statistics:
                self._statistics[key, side] = {layer: _packed(found) for layer, found in compute().items()}
            return {layer: _unpacked(*kept) for layer, kept in self._statistics[key, side].items()}

        return recall


def _packed(found: LayerStatistics) -> tuple[Tensor, ...]:
    channels = found.mean.shape[1]
    largest = found.gram.abs().amax().clamp_min(1e-12)
    rows, columns = _half(channels)
    half = (found.gram[0] / largest)[rows, columns]
    return half.half(), largest, found.mean, found.deviation


def _unpacked(half: Tensor, largest: Tensor, mean: Tensor, deviation: Tensor) -> LayerStatistics:
    channels = mean.shape[1]
    rows, columns = _half(channels)
    gram = mean.new_zeros(channels, channels)
    gram[rows, columns] = half.float() * largest
    gram[columns, rows] = gram[rows, columns]
    return LayerStatistics(gram[None], mean, deviation)


@cache
def _half(channels: int) -> tuple[Tensor, Tensor]:
    rows, columns = torch.triu_indices(channels, channels)
    return rows, columns
