"""Pixels to tensors and back: the one upload, the one download."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from vidstyle.frames import Pixels, check_pixels


def to_tensor(
    pixels: Pixels, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """The upload: (H, W, 3) uint8 or uint16 to (1, 3, H, W) in [0, 1], channels-last in memory."""
    check_pixels(pixels)
    # torch warns about read-only arrays
    array = np.require(pixels, requirements=("C", "W"))
    samples = torch.from_numpy(array).to(device)  # travels as integers: a quarter the bytes
    # scaled in float32 whatever the dtype: float16 cannot hold 65,535
    scaled = samples.to(torch.float32).mul_(1.0 / _full_scale(pixels.dtype))
    return scaled.to(dtype).permute(2, 0, 1).unsqueeze(0)


def to_pixels(
    image: Tensor, dtype: type[np.uint8 | np.uint16] | np.dtype[np.uint8 | np.uint16] = np.uint8
) -> Pixels:
    """The download: (1, 3, H, W) in [0, 1] to (H, W, 3) uint8 or uint16, clamped and rounded."""
    full = _full_scale(np.dtype(dtype))
    rounded = image[0].permute(1, 2, 0).to(torch.float32).clamp(0.0, 1.0).mul_(full).add_(0.5)
    integers = rounded.to(torch.uint8 if full == 255 else torch.int32)  # many devices have no uint16
    return cast("Pixels", np.ascontiguousarray(integers.cpu().numpy()).astype(dtype, copy=False))


def _full_scale(dtype: np.dtype[np.unsignedinteger]) -> int:
    return int(np.iinfo(dtype).max)
