"""Pixels to tensors and back: the one upload, the one download."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import cast

import numpy as np
import torch
from torch import Tensor

from vidstyle.frames import Pixels, check_pixels

Samples = Pixels | Tensor
"""(H, W, 3) RGB integers: NumPy's on a CPU; on another device a tensor, uint8 or, for 16 bits, int32."""


class Transfers:
    """Uploads and downloads of whole frames to and from a device: one of each for a frame.

    On CUDA they go through pinned memory, each way in a stream of its own, beside what is computed. Nobody
    waits for an upload but the kernels that need it, and for a download only who asks for its result.
    """

    def __init__(self, device: torch.device | str) -> None:
        self.device = torch.device(device)

    def upload(self, pixels: Pixels) -> Tensor:
        """``pixels`` (H, W, 3) as samples on the device; a copy."""
        check_pixels(pixels)
        host = _readable(pixels)
        if self._streams is None:
            samples = host.to(self.device, copy=True)
        else:
            now, beside = torch.cuda.current_stream(self.device), self._streams[0]
            with torch.cuda.stream(beside):
                samples = host.pin_memory().to(self.device, non_blocking=True)
            now.wait_stream(beside)
            samples.record_stream(now)  # else its memory might be reused before ``now`` has read it
        return samples if samples.dtype == torch.uint8 else samples.to(torch.int32)

    def download(self, *tensors: Tensor) -> Callable[[], list[Tensor]]:
        """Begin to bring ``tensors`` to the CPU; what is returned waits for them."""
        if self._streams is None:
            return lambda: [each.cpu() for each in tensors]
        beside = self._streams[1]
        beside.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(beside):
            pinned = [torch.empty(each.shape, dtype=each.dtype, pin_memory=True) for each in tensors]
            for host, each in zip(pinned, tensors, strict=True):
                host.copy_(each, non_blocking=True)
                each.record_stream(beside)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record(beside)

        def result() -> list[Tensor]:
            arrived.synchronize()
            return [host.clone() for host in pinned]  # pinned memory is scarce, and results may be kept

        return result

    @cached_property
    def _streams(self) -> tuple[torch.cuda.Stream, torch.cuda.Stream] | None:
        """Those of uploads and of downloads; None: copies are made where they are asked for.

        Two, as a download waits for its frame to be computed, and the next upload must not wait behind it.
        """
        if self.device.type != "cuda":
            return None
        return torch.cuda.Stream(self.device), torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]


def to_tensor(
    pixels: Samples, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """(H, W, 3) samples to (1, 3, H, W) in [0, 1], channels-last in memory.

    NumPy's are uploaded to ``device``; a tensor stays where it is.
    """
    full = full_scale(pixels)
    if isinstance(pixels, Tensor):
        samples = pixels
    else:
        check_pixels(pixels)
        samples = _readable(pixels).to(device)  # travels as integers: a quarter the bytes
    # scaled in float32 whatever the dtype: float16 cannot hold 65,535
    scaled = samples.to(torch.float32).mul_(1.0 / full)
    return scaled.to(dtype).permute(2, 0, 1).unsqueeze(0)


def to_pixels(
    image: Tensor, dtype: type[np.uint8 | np.uint16] | np.dtype[np.uint8 | np.uint16] = np.uint8
) -> Pixels:
    """The download: (1, 3, H, W) in [0, 1] to (H, W, 3) uint8 or uint16, clamped and rounded."""
    integers = _integers(image, np.iinfo(dtype).max)
    return cast("Pixels", np.ascontiguousarray(integers.cpu().numpy()).astype(dtype, copy=False))


def to_samples(image: Tensor, full: int) -> Tensor:
    """(1, 3, H, W) in [0, 1] to samples from 0 to ``full`` (255 or 65,535), clamped and rounded."""
    return _integers(image, full).contiguous()


def full_scale(samples: Samples) -> int:
    """The largest value of ``samples``: 255 or 65,535."""
    if isinstance(samples, Tensor):
        return 255 if samples.dtype == torch.uint8 else 65_535
    return int(np.iinfo(samples.dtype).max)


def _readable(pixels: Pixels) -> Tensor:
    # torch warns about read-only arrays
    return torch.from_numpy(np.require(pixels, requirements=("C", "W")))


def _integers(image: Tensor, full: int) -> Tensor:
    rounded = image[0].permute(1, 2, 0).to(torch.float32).clamp(0.0, 1.0).mul_(full).add_(0.5)
    return rounded.to(torch.uint8 if full == 255 else torch.int32)  # many devices have no uint16
