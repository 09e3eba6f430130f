"""Preferences of people in pairs: who won how often, the strengths, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vidstyle.optional_imports import require
from vidstyle.study.answers import Choice
from vidstyle.study.bradley_terry import is_linked, smoothed, strengths
from vidstyle.study.opinion import LEVEL

_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Preference:
    """How strong a condition is against the others."""

    strength: float
    """Log-strength of the Bradley-Terry model; all have a mean of 0, and a lead of 1.1 wins 3 times in 4."""
    bootstrap: tuple[float, float]
    """The interval of strengths of people drawn again."""
    share: float
    """In how many of its pairs it was preferred, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Duel:
    """Two conditions against each other."""

    first: str
    second: str
    wins: int
    """How often the first was preferred."""
    pairs: int
    probability: float
    """Of a result as uneven as this if both were equally good (binomial test, two-sided)."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """All that the pairs of a study say."""

    by_condition: Mapping[str, Preference]
    duels: tuple[Duel, ...]
    is_smoothed: bool
    """Whether half a preference more each way was assumed, as a condition won or lost all of its pairs."""


def preferences(people: Sequence[Sequence[Choice]], *, seed: int = 0) -> Preferences | None:
    """The preferences in the choices of each person; None if there is no choice."""
    names = sorted(
        {name for given in people for choice in given for name in (choice.preferred, choice.other)}
    )
    if len(names) < 2:
        return None
    tables = np.stack([_wins(given, names) for given in people])
    wins = tables.sum(axis=0)
    is_smoothed = not is_linked(wins)
    values = _strengths(wins)
    drawn = np.random.default_rng(seed).integers(0, len(tables), (_RESAMPLES, len(tables)))
    again = np.stack([_strengths(tables[rows].sum(axis=0)) for rows in drawn])
    low, high = np.quantile(again, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    share = wins.sum(axis=1) / (wins + wins.T).sum(axis=1)
    rows = zip(names, values, low, high, share, strict=True)
    by_condition = {
        name: Preference(float(value), (float(least), float(most)), float(part))
        for name, value, least, most, part in rows
    }
    return Preferences(by_condition, _duels(names, wins), is_smoothed)


def _wins(choices: Sequence[Choice], names: Sequence[str]) -> NDArray[np.float64]:
    wins = np.zeros((len(names), len(names)))
    for choice in choices:
        wins[names.index(choice.preferred), names.index(choice.other)] += 1
    return wins


def _strengths(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    return strengths(wins if is_linked(wins) else smoothed(wins))


def _duels(names: Sequence[str], wins: NDArray[np.float64]) -> tuple[Duel, ...]:
    test = require("scipy.stats", "vidstyle study analyse").binomtest
    duels = []
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            won, pairs = int(wins[first, second]), int(wins[first, second] + wins[second, first])
            if pairs:
                probability = float(test(won, pairs).pvalue)
                duels.append(Duel(names[first], names[second], won, pairs, probability))
    return tuple(duels)
