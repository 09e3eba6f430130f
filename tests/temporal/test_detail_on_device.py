"""Detail that is restored on a device: as on the CPU, but for roundings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from scenes import ground, shot
from torch import Tensor

from vidstyle.frames import Pixels
from vidstyle.temporal import detail, detail_on_device
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.temporal.compositing import mixed, mixed_samples
from vidstyle.testing.devices import devices

HEIGHT, WIDTH = 360, 540


def clip(height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """Ropes, a few distant people and a busy corner over a plain sky."""
    picture = np.full((HEIGHT, WIDTH, 3), 190.0, np.float32)
    for x in range(20, WIDTH, 61):
        cv2.line(picture, (x, 0), (x + 40, 250), (60.0, 50.0, 40.0), 2)
        cv2.ellipse(picture, (x, 300), (3, 8), 0, 0, 360, (30.0, 40.0, 90.0), -1)
    picture[:90, :150] = ground(90, 150, 3)
    way = cv2.INTER_AREA if height < HEIGHT else cv2.INTER_CUBIC
    return shot(np.asarray(cv2.resize(picture, (width, height), interpolation=way)), noise=1.0, seed=2)


def painted(pixels: Pixels) -> Pixels:
    """Without anything that is small, and with strokes."""
    smooth = cv2.medianBlur(np.asarray(pixels), 2 * (min(pixels.shape[:2]) // 30) + 3)
    strokes = 40 * (ground(pixels.shape[0], pixels.shape[1], 5) / 255 - 0.5)
    return shot((smooth + strokes).astype(np.float32))


def both(before: Pixels, painting: Pixels, device: str, share: float = 0.5) -> tuple[Any, Any]:
    """The painting with the detail of ``before``, by the CPU's way and on ``device``."""
    raster = TorchRaster(device)
    result = detail_on_device.restored(raster, raster.upload(before), raster.upload(painting), share)
    assert isinstance(result, Tensor)
    return detail.restored(before, painting, share).astype(float), result.cpu().numpy().astype(float)


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("size", [(360, 540), (720, 1080), (500, 750), (90, 135)], ids=str)
@pytest.mark.parametrize("depth", [8, 16])
def test_detail_is_the_same_within_a_level(size: tuple[int, int], depth: int, device: str) -> None:
    before, unit = clip(*size), 1
    painting = painted(before)
    if depth == 16:
        unit = 257
        before, painting = (each.astype(np.uint16) * np.uint16(257) for each in (before, painting))
    expected, result = both(before, painting, device)
    restored = np.abs(expected - painting) / unit
    assert (restored > 20).mean() > 0.002  # there is something to restore
    apart = np.abs(expected - result) / unit
    assert (apart > 1).mean() < 0.002 and apart.mean() < 0.01 * restored.mean()


@pytest.mark.parametrize("device", devices())
def test_where_nothing_is_lost_the_painting_is_unchanged(device: str) -> None:
    flat, painting = np.full((90, 135, 3), 120, np.uint8), painted(clip(90, 135))
    for result in both(flat, painting, device):
        assert np.array_equal(result, painting)


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_are_mixed_the_same(dtype: Any, device: str) -> None:
    noise = np.random.default_rng(1)
    one, other = (noise.integers(0, np.iinfo(dtype).max + 1, (40, 50, 3)).astype(dtype) for _ in range(2))
    raster = TorchRaster(device)
    there = mixed_samples(raster.upload(one), raster.upload(other), 0.37)
    assert isinstance(there, Tensor) and there.dtype in (torch.uint8, torch.int32)
    assert np.abs(there.cpu().numpy().astype(float) - mixed(one, other, 0.37)).max() <= 1
