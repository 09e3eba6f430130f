"""Linear maps between the means and covariances of features: whitening and colouring, and transport."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-8  # eigenvalues below count as 0; features are about 1


def transform(
    mean: Tensor,
    covariance: Tensor,
    style_mean: Tensor,
    style_covariance: Tensor,
    alpha: float,
    *,
    ridge: float = 0.0,
    coloring: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The matrix (C, C) and offset (C,) that whiten features and colour them (Li et al. 2017, eq. 2 and 3).

    ``alpha`` (0 to 1) is the share of the transformed features; the rest are the features themselves.
    ``ridge`` is the share of the mean variance that is added to every variance first. ``coloring`` (C, C) is
    the root of ``style_covariance`` with its ridge, if it is known.
    """
    whitening = power(covariance, -0.5, ridge)
    if coloring is None:
        coloring = power(style_covariance, 0.5, ridge)
    return _shared(coloring @ whitening, mean, style_mean, alpha)


def transport(
    mean: Tensor,
    covariance: Tensor,
    style_mean: Tensor,
    style_covariance: Tensor,
    alpha: float,
    *,
    ridge: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """As ``transform``, by the map that changes features least: A^-½·(A^½·B·A^½)^½·A^-½.

    A and B are the covariances of features and style. This is the linear Monge-Kantorovich map (Pitié and
    Kokaram 2007; of features: Lu et al. 2019). Its matrix is symmetric with eigenvalues of 0 or more, so that
    no direction of features is turned around.
    """
    root, inverse = power(covariance, 0.5, ridge), power(covariance, -0.5, ridge)
    aim = style_covariance + ridge * style_covariance.diagonal().mean() * torch.eye(
        len(mean), dtype=mean.dtype, device=mean.device
    )
    return _shared(inverse @ power(root @ aim @ root, 0.5, 0.0) @ inverse, mean, style_mean, alpha)


def _shared(matrix: Tensor, mean: Tensor, style_mean: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Matrix and offset of ``alpha`` times a map of ``mean`` to ``style_mean``, and the rest unchanged."""
    matrix = alpha * matrix
    offset = alpha * style_mean - matrix @ mean
    return matrix + (1 - alpha) * torch.eye(len(mean), dtype=matrix.dtype, device=matrix.device), offset


def power(covariance: Tensor, power: float, ridge: float) -> Tensor:
    """A power of a symmetric matrix (C, C); directions of almost no variance are left out."""
    values, vectors = torch.linalg.eigh(covariance)
    values = values + ridge * covariance.diagonal().mean()
    powers = torch.where(values > _LEAST, values.clamp_min(_LEAST) ** power, 0.0)
    root: Tensor = (vectors * powers) @ vectors.T
    return root


def measured(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C,) and covariance (C, C) of ``features`` (1, C, h, w), float64."""
    flat = features[0].flatten(1).float()
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    return mean[:, 0].double(), (centred @ centred.T).double() / max(1, flat.shape[1] - 1)


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) of ``features`` (1, C, h, w), float64."""
    variance, mean = torch.var_mean(features[0].flatten(1).float(), dim=1, correction=0)
    return mean.double(), variance.double()
