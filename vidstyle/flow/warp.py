"""Pictures moved along a flow."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(image: Tensor, flow: Tensor, mode: str = "bilinear") -> tuple[Tensor, Tensor]:
    """Bring ``image`` onto the flow's source grid: result(p) = image(p + flow(p)).

    Args:
        image: (B, C, H, W), what the flow points into.
        flow: (B, 2, H, W) in px, x first.
        mode: "bilinear", "bicubic" or "nearest".

    Returns:
        The warped image, and a mask (B, 1, H, W) of bool that is true where the flow stays inside.
    """
    height, width = image.shape[-2:]
    ys, xs = torch.meshgrid(
        torch.arange(height, device=flow.device, dtype=flow.dtype),
        torch.arange(width, device=flow.device, dtype=flow.dtype),
        indexing="ij",
    )
    x, y = xs + flow[:, 0], ys + flow[:, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    # pixel centres to grid_sample's [-1, 1] between the outermost centres
    grid = torch.stack((2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1), -1)
    warped = F.grid_sample(image, grid.to(image.dtype), mode=mode, padding_mode="border", align_corners=True)
    return warped, inside.unsqueeze(1)
