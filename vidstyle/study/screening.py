"""Whose grades count: the screening of observers of ITU-R BT.500 (Annex 1, 2.3.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Grades = Mapping[str, Mapping[tuple[str, str], float]]
"""Person to grade of each clip, (source, condition)."""

_NORMAL = (2.0, 4.0)  # kurtosis between which grades count as normally distributed
_SHARE, _BALANCE = 0.05, 0.3


def outliers(grades: Grades) -> list[str]:
    """The people whose grades of one question are rejected.

    A grade is far off if it lies more than 2 standard deviations from the clip's mean (√20 of them where the
    clip's grades are not normally distributed). A person is rejected with more than 5 % of grades far off, as
    many above as below: a strict or a generous person, whose grades are all off to one side, is kept.
    """
    clips = sorted({clip for given in grades.values() for clip in given})
    people = list(grades)
    table = np.array([[grades[person].get(clip, math.nan) for clip in clips] for person in people])
    above, below = np.zeros(len(people)), np.zeros(len(people))
    for column in table.T:
        known = column[np.isfinite(column)]
        deviation = float(known.std(ddof=1)) if len(known) > 1 else 0.0
        if deviation == 0:
            continue
        limit = (2 if _NORMAL[0] <= kurtosis(known) <= _NORMAL[1] else math.sqrt(20)) * deviation
        above += column >= known.mean() + limit
        below += column <= known.mean() - limit
    counts = np.isfinite(table).sum(axis=1)
    return [
        person
        for person, high, low, count in zip(people, above, below, counts, strict=True)
        if high + low > _SHARE * count and abs(high - low) < _BALANCE * (high + low)
    ]


def kurtosis(values: NDArray[np.float64] | Sequence[float]) -> float:
    """The fourth central moment over the square of the second; 3 for a normal distribution."""
    centred = np.asarray(values, np.float64) - np.mean(values)
    return float(np.mean(centred**4) / np.mean(centred**2) ** 2)
