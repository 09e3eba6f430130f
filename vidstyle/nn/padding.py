"""Fast padding by reflection of channels-last tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def reflected(value: Tensor) -> Tensor:
    """``value`` (B, C, H, W), channels last, with a rim of one pixel of its reflection.

    torch's own padding takes several times as long on channels-last tensors. It is used where a gradient is
    needed, and in graphs.
    """
    if value.requires_grad or torch.compiler.is_compiling():  # both follow writing in place badly
        return F.pad(value, (1, 1, 1, 1), mode="reflect")
    batch, channels, height, width = value.shape
    padded = value.new_empty((batch, height + 2, width + 2, channels)).permute(0, 3, 1, 2)
    padded[..., 1:-1, 1:-1] = value
    return reflect_rim(padded, 1)


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
