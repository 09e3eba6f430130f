"""Sampling a ring of torch pictures at subpixel positions, each pixel from a slot of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from vidstyle.device import memory_errors
from vidstyle.temporal.backends import kernels

_SAMPLED = 1 << 20  # px sampled at once, which limits memory: ten taps for each take 190 MB


def sample_ring(ring: Tensor, slot: Tensor, x: Tensor, y: Tensor, kernel: Tensor | None = None) -> Tensor:
    """For each pixel the picture of ``ring`` in its slot at (x, y), as (1, 3, h, w) in [0, 1].

    Raises ``DeviceError`` if the device runs out of memory.

    Args:
        ring: (3, slots, H, W) in [0, 1]; its type is that of the result.
        slot: (h, w) uint8.
        x: (h, w) float32, px; limited to the picture.
        y: the same.
        kernel: (taps, steps + 1), weights as from ``kernels.lanczos``; None: bilinear.
    """
    # Taps are gathered at whole-number positions. F.grid_sample would need the ring in float32 like the
    # coordinates, twice the memory. Its longest kernel is cubic, which loses 12 % of the variance of the
    # Laplacian where Lanczos loses 3 %. And in so tall a block it is up to 0.002 px off.
    height, width = ring.shape[-2:]
    count = -(-x.numel() // _SAMPLED)
    with memory_errors(ring.device, width, height):
        bands = [
            _band(ring, *planes, kernel)
            for planes in zip(slot.chunk(count), x.chunk(count), y.chunk(count), strict=True)
        ]
        picture = torch.cat(bands, 1).unsqueeze(0)
    return picture


def _band(ring: Tensor, slot: Tensor, x: Tensor, y: Tensor, kernel: Tensor | None) -> Tensor:
    """(3, h, w): some rows of the result."""
    height, width = ring.shape[-2:]
    x, y = x.flatten().clamp(0, width - 1), y.flatten().clamp(0, height - 1)
    left, top = x.floor(), y.floor()
    across, down = (_weights(part, kernel) for part in (x - left, y - top))
    columns, lines = _taps(left, len(across), width), _taps(top, len(down), height)
    starts = (slot.flatten().to(torch.int32) * height + lines) * width
    block = ring.view(3, -1)
    total = torch.zeros((3, x.numel()), dtype=torch.float32, device=ring.device)
    for start, weight in zip(starts, down, strict=True):
        values = block.index_select(1, (start + columns).flatten()).view(3, *columns.shape)
        total += (values * across).sum(1) * weight
    return total.clamp_(0.0, 1.0).to(ring.dtype).view(3, *slot.shape)


def _weights(part: Tensor, kernel: Tensor | None) -> Tensor:
    """(taps, N): weights of the pixels around a position that is ``part`` (N, 0 to 1) px after a pixel."""
    if kernel is None:
        return torch.stack([1 - part, part])
    return kernel.index_select(1, (part * kernels.STEPS).round_().to(torch.int32))


def _taps(first: Tensor, count: int, size: int) -> Tensor:
    """(count, N) int32: the ``count`` pixels around ``first`` (N), limited to 0 to ``size`` - 1."""
    steps = torch.arange(count, dtype=torch.int32, device=first.device) - (count // 2 - 1)
    return (first.to(torch.int32) + steps.unsqueeze(1)).clamp_(0, size - 1)
