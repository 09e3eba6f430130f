"""Convolutions around a doubling of size, rewritten so that nothing is ever computed at the doubled size.

A picture of doubled size (2H, 2W) is held as *phases*: (B, 4·C, H + 1, W + 1), where channel (a, b, c) of
cell (p, q) is the pixel at row 2p - 1 + a and column 2q - 1 + b. The cells reach one row and one column
beyond the picture on every side: that rim is where a 3x3 convolution's padding lies.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# on a picture doubled by repetition, row t of a 3x3 kernel reads row _REPEATED[a][t] of the 2x2 kernel
_REPEATED = ((0, 0, 1), (0, 1, 1))


def after_repeat(kernel: Tensor) -> Tensor:
    """(4·O, I, 2, 2) for a 3x3 ``kernel`` (O, I, 3, 3) that follows a doubling of size by repetition.

    Its input is the small picture, one pixel wider on every side by repetition; its output are phases.
    """
    outputs, inputs = kernel.shape[:2]
    phases = kernel.new_zeros(2, 2, outputs, inputs, 2, 2)
    for a in (0, 1):
        for b in (0, 1):
            for row in range(3):
                for column in range(3):
                    taps = phases[a, b, :, :, _REPEATED[a][row], _REPEATED[b][column]]
                    taps += kernel[:, :, row, column]
    return phases.reshape(4 * outputs, inputs, 2, 2)


def before_shuffle(kernel: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """(16·O, 4·I, 2, 2) and (16·O,) for a 3x3 ``kernel`` (4·O, I, 3, 3) before a pixel shuffle that doubles.

    Its input are phases (their rim filled), its output holds 4x4 pixels a cell: channel (y, x, o).
    """
    colors, inputs = kernel.shape[0] // 4, kernel.shape[1]
    shuffled = kernel.view(colors, 2, 2, inputs, 3, 3)  # pixel shuffle's order: color, row, column
    cells = kernel.new_zeros(2, 2, 2, 2, colors, 2, 2, inputs, 2, 2)  # s u, r v, color, a b, input, cell
    for s in (0, 1):
        for r in (0, 1):
            for row in range(3):
                for column in range(3):
                    (below, a), (right, b) = divmod(s + row, 2), divmod(r + column, 2)
                    cells[s, :, r, :, :, a, b, :, below, right] = shuffled[..., row, column].permute(
                        1, 2, 0, 3
                    )
    biases = bias.view(colors, 2, 2).permute(1, 2, 0)[None, :, None].expand(2, 2, 2, 2, colors)
    return cells.reshape(16 * colors, 4 * inputs, 2, 2), biases.reshape(-1)


def fill_rim(phases: Tensor) -> Tensor:
    """Fill the rim of ``phases`` (B, 4·C, H + 1, W + 1) with the picture's reflection, in place."""
    split = _split(phases)
    split[:, 0, :, :, 0] = split[:, 0, :, :, 1]
    split[:, 1, :, :, -1] = split[:, 1, :, :, -2]
    split[:, :, 0, :, :, 0] = split[:, :, 0, :, :, 1]
    split[:, :, 1, :, :, -1] = split[:, :, 1, :, :, -2]
    return phases


def with_rim(phases: Tensor) -> Tensor:
    """As ``fill_rim``, without writing in place: for graphs."""
    quarters = []
    for place, quarter in enumerate(torch.chunk(phases, 4, 1)):
        a, b = divmod(place, 2)
        rows = quarter[:, :, 1:] if a == 0 else quarter[:, :, :-1]
        inside = rows[..., 1:] if b == 0 else rows[..., :-1]
        quarters.append(F.pad(inside, (1 - b, b, 1 - a, a), mode="replicate"))
    return torch.cat(quarters, 1)


def clear_rim(phases: Tensor) -> Tensor:
    """Set the rim of ``phases`` (B, 4·C, H + 1, W + 1) to 0, in place: sums are then the picture's."""
    split = _split(phases)
    split[:, 0, :, :, 0] = 0.0
    split[:, 1, :, :, -1] = 0.0
    split[:, :, 0, :, :, 0] = 0.0
    split[:, :, 1, :, :, -1] = 0.0
    return phases


def _split(phases: Tensor) -> Tensor:
    """(B, a, b, C, H + 1, W + 1), a view."""
    batch, channels, height, width = phases.shape
    return phases.view(batch, 2, 2, channels // 4, height, width)


def to_picture(cells: Tensor) -> Tensor:
    """(B, 16·O, H, W) of 4x4 pixels a cell, channel (y, x, o), as a picture (B, O, 4·H, 4·W)."""
    batch, channels, height, width = cells.shape
    pixels = cells.permute(0, 2, 3, 1).reshape(batch, height, width, 4, 4, channels // 16)
    joined = pixels.permute(0, 1, 3, 2, 4, 5).reshape(batch, 4 * height, 4 * width, channels // 16)
    return joined.permute(0, 3, 1, 2)
