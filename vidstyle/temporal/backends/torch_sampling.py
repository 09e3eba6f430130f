"""Pictures of a ring of torch tensors looked at between their pixels, each pixel in a picture of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from vidstyle.device import memory_errors
from vidstyle.temporal.backends import kernels

_SAMPLED = 1 << 20  # px sampled at once: what ten pixels for each take, 190 MB, is all that is held


def sampled(ring: Tensor, slot: Tensor, x: Tensor, y: Tensor, kernel: Tensor | None = None) -> Tensor:
    """(1, 3, h, w) of ``ring`` (3, slots, H, W) at (x, y) of the picture in ``slot``, all three (h, w).

    ``kernel`` is that of ``kernels.lanczos``; bilinear without.
    """
    # Gathered by whole numbers: grid_sample wants the ring in the coordinates' float32, twice the memory,
    # knows no kernel longer than cubic, which loses four times the sharpness (12 % of the
    # variance of the Laplacian for 3), and is up to 0.002 px off over so tall a block.
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
    """(3, h, w) of some lines of the result."""
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
    """(taps, N): what each pixel around a place adds that lies ``part`` (0 to 1) px after one of them."""
    if kernel is None:
        return torch.stack([1 - part, part])
    return kernel.index_select(1, (part * kernels.STEPS).round_().to(torch.int32))


def _taps(first: Tensor, count: int, size: int) -> Tensor:
    """(count, N): the whole-number places around ``first`` (N), none beyond the edges."""
    steps = torch.arange(count, dtype=torch.int32, device=first.device) - (count // 2 - 1)
    return (first.to(torch.int32) + steps.unsqueeze(1)).clamp_(0, size - 1)
