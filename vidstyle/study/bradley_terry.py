"""The Bradley-Terry model of pairs: how strong each condition is, from which of two was preferred."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS, _CLOSE = 10_000, 1e-10


def strengths(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-strengths (n,) of mean 0 that make the preferences likeliest: P(i before j) = s_i / (s_i + s_j).

    Args:
        wins: (n, n), how often the row was preferred to the column. Every condition must be linked to every
            other one by preferences in both directions (``is_linked``); else there is no maximum.

    Found by the iteration of Hunter 2004 (Annals of Statistics 32), eq. 3.
    """
    total = wins.sum(axis=1)
    together = wins + wins.T
    strength = np.ones(len(wins))
    for _ in range(_STEPS):
        following = total / (together / (strength[:, None] + strength[None, :])).sum(axis=1)
        following /= np.exp(np.log(following).mean())
        if np.abs(np.log(following / strength)).max() < _CLOSE:
            break
        strength = following
    logs: NDArray[np.float64] = np.log(following)
    return logs


def is_linked(wins: NDArray[np.float64]) -> bool:
    """Whether preferences lead from each condition to each other one (the model then has a maximum)."""
    reach = wins > 0
    for middle in range(len(wins)):
        reach = reach | (reach[:, [middle]] & reach[[middle], :])
    return bool((reach | np.eye(len(wins), dtype=bool)).all())


def smoothed(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """``wins`` with half a preference more each way for each pair: a maximum then exists in any case."""
    return wins + 0.5 * (1 - np.eye(len(wins)))
