"""Motion of frame pairs: estimated for clips, or known, from a random transform of a picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidstyle.flow.base import FlowEstimator
from vidstyle.flow.warp import warp
from vidstyle.metrics.base import occluded

# about the motion of a hand-held camera
_ZOOM, _ROTATION, _SHIFT = 0.03, math.radians(1.5), 4.0  # share, radians, px


@torch.no_grad()
def estimated_motion(estimate: FlowEstimator, earlier: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
    """Motion (P, 2, H, W) in px from ``later`` back to ``earlier``, and where it can be trusted (P, 1, H, W).

    It can be trusted where it is not occluded, no motion boundary, and comes from inside the frame.
    """
    pairs = ((later, earlier), (earlier, later))
    motion, forward = (
        torch.cat([estimate(a[None], b[None]) for a, b in zip(*pair, strict=True)]).clone() for pair in pairs
    )
    _, inside = warp(earlier, motion)
    return motion, inside & ~occluded(motion, forward)


def random_motion(picture: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Transform ``picture`` (B, 3, H, W) at random: the later frame, its motion, and where that is known.

    Each picture is zoomed by up to 3 %, rotated by up to 1.5° and shifted by up to 4 px. The motion
    (B, 2, H, W) in px leads from the later frame back to ``picture``; it is known (B, 1, H, W) where it stays
    inside the frame.
    """
    count, _, height, width = picture.shape
    zoom, rotation, right, down = (torch.rand(4, count, 1, 1, generator=generator) * 2 - 1).to(picture)
    y, x = torch.meshgrid(
        torch.arange(height, device=picture.device) - (height - 1) / 2,
        torch.arange(width, device=picture.device) - (width - 1) / 2,
        indexing="ij",
    )
    scale, angle = 1 + _ZOOM * zoom, _ROTATION * rotation
    horizontal = scale * (x * torch.cos(angle) - y * torch.sin(angle)) - x + _SHIFT * right
    vertical = scale * (x * torch.sin(angle) + y * torch.cos(angle)) - y + _SHIFT * down
    motion = torch.stack([horizontal, vertical], 1)
    later, inside = warp(picture, motion, mode="bicubic")
    return later.clamp(0, 1), motion, inside
