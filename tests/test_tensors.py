"""Pixels to tensors and back, on each device that is present."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from vidstyle.tensors import Transfers, full_scale, to_pixels, to_samples, to_tensor
from vidstyle.testing.devices import devices


def noise(dtype: Any, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (270, 480, 3)).astype(dtype)


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_device_gives_back_the_frames_that_it_got(dtype: Any, device: str) -> None:
    transfers = Transfers(device)
    frames = [noise(dtype, seed) for seed in range(12)]
    arrived = []
    for pixels in frames:  # many at once: memory that is used again too soon would show
        buffer = pixels.copy()
        samples = transfers.upload(buffer)
        buffer[:] = 0  # the caller may reuse it
        arrived.append(transfers.download(samples + 0, samples.sum(dtype=torch.int64)))
        del samples
    for pixels, result in zip(frames, arrived, strict=True):
        back, total = result()
        assert back.device.type == "cpu" and np.array_equal(back.numpy(), pixels)
        assert int(total) == int(pixels.sum(dtype=np.int64))


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_samples_on_a_device_are_the_image_that_pixels_are(dtype: Any, device: str) -> None:
    pixels = noise(dtype)
    samples = Transfers(device).upload(pixels)
    full = np.iinfo(dtype).max
    assert full_scale(samples) == full_scale(pixels) == full
    image = to_tensor(samples)
    assert torch.equal(image, to_tensor(pixels, device))
    assert torch.equal(to_samples(image, full), samples)
    assert np.array_equal(to_pixels(image, dtype), pixels)
