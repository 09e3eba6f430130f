"""Descriptors and statistics of recurring style pictures, computed once and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

from vidstyle.losses.step_features import LayerStatistics, Recall, StyleStatistics

Key = int | None
"""Identifies a crop of a picture; None: it does not recur."""


class StyleMemory:
    """Descriptors and statistics of style pictures, by key; about 0.35 MB for each picture and side.

    Of Gram matrices the upper triangle is kept, in float16. New ones are rounded in the same way before they
    are returned: a resumed run, which starts with an empty memory, gets the same values.
    """

    def __init__(self) -> None:
        self._descriptors: dict[int, Tensor] = {}
        self._statistics: dict[tuple[int, int], dict[str, tuple[Tensor, ...]]] = {}

    def descriptor(self, key: Key, compute: Callable[[], Tensor]) -> Tensor:
        """What a student makes embeddings of, of a style picture: (2816,) of ``stylenet``."""
        if key is None:
            return compute()
        if key not in self._descriptors:
            self._descriptors[key] = compute()
        return self._descriptors[key]

    def lookup(self, keys: Sequence[Key]) -> Recall:
        """The function that a step's features call for the statistics of the style pictures of ``keys``."""

        def recall(number: int, side: int, compute: Callable[[], StyleStatistics]) -> StyleStatistics:
            key = keys[number]
            if key is None:
                return compute()
            if (key, side) not in self._statistics:
                self._statistics[key, side] = {
                    layer: _packed(statistics) for layer, statistics in compute().items()
                }
            return {layer: _unpacked(*packed) for layer, packed in self._statistics[key, side].items()}

        return recall


def _packed(statistics: LayerStatistics) -> tuple[Tensor, ...]:
    channels = statistics.mean.shape[1]
    largest = statistics.gram.abs().amax().clamp_min(1e-12)
    rows, columns = _half(channels)
    half = (statistics.gram[0] / largest)[rows, columns]
    return half.half(), largest, statistics.mean, statistics.deviation


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
