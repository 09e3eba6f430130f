"""Padding by reflection without a copy of the picture."""

from __future__ import annotations

from torch import Tensor


def reflect_rim(padded: Tensor, reach: int) -> Tensor:
    """Fill the outermost ``reach`` rows and columns of (…, H, W) with the inside's reflection, in place."""
    for depth in range(reach):
        outer, inner = reach - 1 - depth, reach + 1 + depth
        padded[..., outer, :] = padded[..., inner, :]
        padded[..., -1 - outer, :] = padded[..., -1 - inner, :]
    for depth in range(reach):
        outer, inner = reach - 1 - depth, reach + 1 + depth
        padded[..., outer] = padded[..., inner]
        padded[..., -1 - outer] = padded[..., -1 - inner]
    return padded
