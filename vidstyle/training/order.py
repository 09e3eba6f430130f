"""Endless orders of samples as functions of seed and place, so that a run can resume at any step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler


class Places(Sampler[int]):
    """The places ``start``, ``start + step`` … of one device in an endless order."""

    def __init__(self, start: int, step: int) -> None:
        self._start, self._step = start, step

    def __iter__(self) -> Iterator[int]:
        place = self._start
        while True:
            yield place
            place += self._step


def shuffled_index(place: int, count: int, seed: int, salt: int) -> int:
    """The index of the item at ``place``: all ``count`` items in each epoch, in a new order each time."""
    epoch, position = divmod(place, count)
    return int(_shuffled(count, seed, salt, epoch)[position])


def random_at(place: int, seed: int, salt: int) -> np.random.Generator:
    """The random generator for one place."""
    return np.random.default_rng((seed, salt, place))


@lru_cache(maxsize=4)
def _shuffled(count: int, seed: int, salt: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, salt, epoch, 1)).permutation(count)
