"""Pictures on a device brought to another size.

By OpenCV on a CPU, where torch is many times slower, and for Apple's GPU, where torch lacks these filters.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def reduced(image: Tensor, height: int, width: int) -> Tensor:
    """(1, 3, H, W) made smaller, each pixel the mean of those that it covers."""
    if image.shape[-2:] == (height, width):
        return image
    if image.device.type != "cuda":
        return _by_opencv(image, height, width, cv2.INTER_AREA)
    return F.interpolate(image.float(), (height, width), mode="bilinear", antialias=True).to(image.dtype)


def enlarged(image: Tensor, height: int, width: int) -> Tensor:
    """(1, 3, H, W) made larger, bicubic; may leave the range by a little at edges."""
    if image.shape[-2:] == (height, width):
        return image
    if image.device.type != "cuda":
        return _by_opencv(image, height, width, cv2.INTER_CUBIC)
    return F.interpolate(image.float(), (height, width), mode="bicubic").to(image.dtype)


def _by_opencv(image: Tensor, height: int, width: int, way: int) -> Tensor:
    source = image[0].permute(1, 2, 0).to("cpu", torch.float32).contiguous().numpy()
    result = cv2.resize(source, (width, height), interpolation=way)
    return torch.from_numpy(np.asarray(result)).permute(2, 0, 1).unsqueeze(0).to(image)
