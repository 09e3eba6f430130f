"""The affine motion of a whole frame, as ``flow.affine`` fits it, on any device, without waiting for it."""

from __future__ import annotations

import torch
from torch import Tensor

from vidstyle.flow.affine import NOISE, RIDGE, ROUNDS


def affine(x: Tensor, y: Tensor) -> Tensor:
    """The affine motion (3, 2) of a flow of planes ``x`` and ``y`` (h, w) in px; see ``flow.affine``."""
    height, width = x.shape
    known = torch.ones((height, width, 3), dtype=torch.float32, device=x.device)
    known[..., 1], known[..., 2] = _places(width, x)[None, :], _places(height, x)[:, None]
    known, values = known.view(-1, 3), torch.stack([x, y], -1).view(-1, 2)
    distance = (values - values.median(0).values).norm(dim=1)
    ridge = RIDGE * torch.eye(3, dtype=torch.float32, device=x.device)
    fit = torch.zeros((3, 2), dtype=torch.float32, device=x.device)
    for _ in range(ROUNDS):
        weights = 1 / (1 + (distance / distance.median().clamp(min=NOISE)) ** 2)
        weighted = known * (weights / weights.sum())[:, None]  # moments of about 1: float32 suffices
        fit = _inverse(known.T @ weighted + ridge) @ (weighted.T @ values)
        distance = (values - known @ fit).norm(dim=1)
    return fit


def along(fit: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The motion, x and y (height, width), of an affine ``fit``; see ``flow.affine.along``."""
    across, down = _places(width, fit)[None, :], _places(height, fit)[:, None]
    x, y = (fit[0, axis] + across * fit[1, axis] + down * fit[2, axis] for axis in (0, 1))
    return x, y


def _inverse(matrix: Tensor) -> Tensor:
    """The inverse of a symmetric (3, 3); torch's own would wait for the device to say if there is one."""
    rows = matrix.unbind()
    adjugate = torch.stack(
        [torch.linalg.cross(rows[place - 2], rows[place - 1]) for place in range(3)], dim=1
    )
    return adjugate / (rows[0] * adjugate[:, 0]).sum()


def _places(size: int, like: Tensor) -> Tensor:
    return (torch.arange(size, dtype=torch.float32, device=like.device) + 0.5) / size - 0.5
