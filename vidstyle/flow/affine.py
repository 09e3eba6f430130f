"""The motion of a whole frame: a robust affine fit of its flow."""

from __future__ import annotations

import numpy as np

from vidstyle.flow.base import Array

ROUNDS = 8  # of reweighting: the fit no longer changes by 0.01 px
NOISE = 0.1  # px: smaller deviations are errors of the flow
RIDGE = 1e-6  # far below any motion: a flow of one line or column has no gradient across it


def affine(flow: Array) -> Array:
    """The affine motion (3, 2) of a ``flow`` (h, w, 2) in px, x first; see ``along`` for its terms.

    Least squares, reweighted by Cauchy's function of the residual, whose scale is the median residual: other
    motion has no effect as long as it covers less than about half of the picture.
    """
    height, width = flow.shape[:2]
    known = _terms(height, width).reshape(-1, 3)
    values = flow.reshape(-1, 2).astype(np.float64)
    distance = np.hypot(*(values - np.median(values, axis=0)).T)
    fit = np.zeros((3, 2))
    for _ in range(ROUNDS):
        weights = 1 / (1 + (distance / max(float(np.median(distance)), NOISE)) ** 2)
        weighted = known * weights[:, None]
        ridge = RIDGE * weights.sum() * np.eye(3)
        fit = np.linalg.solve(known.T @ weighted + ridge, weighted.T @ values)
        distance = np.hypot(*(values - known @ fit).T)
    return fit


def along(fit: Array, height: int, width: int) -> Array:
    """The motion (height, width, 2) float32 of an affine ``fit`` (3, 2).

    Its terms are 1, x and y, both from -0.5 to 0.5 across the picture, so that a fit of a coarse flow holds
    for a fine one.
    """
    across = fit[0] + _places(width)[:, None] * fit[1]
    return np.asarray(across[None] + (_places(height)[:, None] * fit[2])[:, None], np.float32)


def _terms(height: int, width: int) -> Array:
    terms = np.ones((height, width, 3))
    terms[..., 1], terms[..., 2] = _places(width)[None, :], _places(height)[:, None]
    return terms


def _places(size: int) -> Array:
    return (np.arange(size) + 0.5) / size - 0.5
