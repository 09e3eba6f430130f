"""Mean opinion scores with their intervals: Student's t, and the bootstrap over people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidstyle.optional_imports import require

LEVEL = 0.95
"""Of all intervals."""
RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Opinion:
    """A mean over people, and where it lies with a probability of 95 %."""

    mean: float
    people: int
    margin: float | None
    """Half the width of the t interval; None for one person."""
    bootstrap: tuple[float, float]
    """The interval of means of people drawn again."""


def opinion(values: Sequence[float], *, seed: int = 0) -> Opinion:
    """The opinion of people whose own means are ``values``, at least one.

    People are the units that are independent, not grades: a person's grades are averaged before.
    """
    given = np.asarray(values, np.float64)
    count = len(given)
    margin = None
    if count > 1:
        student = require("scipy.stats", "vidstyle study analyse").t
        margin = float(student.ppf((1 + LEVEL) / 2, count - 1) * given.std(ddof=1) / np.sqrt(count))
    drawn = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    low, high = np.quantile(given[drawn].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Opinion(float(given.mean()), count, margin, (float(low), float(high)))
