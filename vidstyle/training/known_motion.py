"""Frame pairs with known motion: of clips by flow, or of single pictures by a small random transform."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidstyle.flow.base import FlowEstimator
from vidstyle.flow.warp import warp
from vidstyle.metrics.base import occluded

_ZOOM, _TURN, _SHIFT = 0.03, math.radians(1.5), 4.0  # share, radians, px: about what a hand-held camera does


@torch.no_grad()
def of_frames(estimate: FlowEstimator, earlier: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
    """Motion (P, 2, H, W) in px from ``later`` back to ``earlier``, and where it can be trusted (P, 1, H, W).

    Trusted is what is neither occluded nor a motion boundary (``occluded``) and comes from within the frame.
    """
    back, there = ([estimate(a[None], b[None]) for a, b in zip(*two, strict=True)] for two in
                   ((later, earlier), (earlier, later)))  # fmt: skip
    motion, forward = torch.cat(back).clone(), torch.cat(there).clone()
    _, inside = warp(earlier, motion)
    return motion, inside & ~occluded(motion, forward)


def drawn(picture: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A later frame of ``picture`` (B, 3, H, W), its motion, and where that stays within the frame.

    Each picture is zoomed by up to 3 %, rotated by up to 1.5° and shifted by up to 4 px each way. The motion
    (B, 2, H, W), px, leads from the later picture back to ``picture``.
    """
    count, _, height, width = picture.shape
    zoom, turn, across, down = (torch.rand(4, count, 1, 1, generator=generator) * 2 - 1).to(picture)
    y, x = torch.meshgrid(
        torch.arange(height, device=picture.device) - (height - 1) / 2,
        torch.arange(width, device=picture.device) - (width - 1) / 2,
        indexing="ij",
    )
    scale, angle = 1 + _ZOOM * zoom, _TURN * turn
    along = scale * (x * torch.cos(angle) - y * torch.sin(angle)) - x + _SHIFT * across
    downward = scale * (x * torch.sin(angle) + y * torch.cos(angle)) - y + _SHIFT * down
    motion = torch.stack([along, downward], 1)
    later, inside = warp(picture, motion, mode="bicubic")
    return later.clamp(0, 1), motion, inside
