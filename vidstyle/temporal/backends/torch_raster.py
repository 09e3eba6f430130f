"""The backend for GPUs: planes and pictures are torch tensors, on any device."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.device import memory_errors
from vidstyle.flow.base import Array, FlowEstimator, GreyEstimator
from vidstyle.frames import Pixels
from vidstyle.named_tensors import copied
from vidstyle.temporal.backends import kernels, torch_affine
from vidstyle.temporal.backends.base import Decisions, FlowInput, Number, Ring, Slot
from vidstyle.temporal.backends.torch_sampling import sample_ring
from vidstyle.tensors import Samples, Transfers, full_scale, to_samples, to_tensor

_SMALLEST_VISIBLE = 1 / 255  # of the range: smaller values of a fade are set to 0
_MOST_MATRICES = 128  # cached on the device: a clip needs about 20, of a few hundred kB at most


class TorchRaster:
    """Pictures are (1, 3, H, W) in [0, 1]: float16 for sources of 8 bits, float32 for sources of 16 bits.

    Differences of pictures are (1, 3, H, W) float32, -1 to 1. Planes are (H, W). Rings are (3, slots, H, W),
    of the pictures' type, and never upsampled.

    A Gaussian, and area averaging by a factor that is no whole number, multiply rows and columns by a small
    matrix of weights each: two calls, and equal results at the borders on every device. No tensor is float64,
    which Apple's GPUs do not support.

    Args:
        device: where the tensors are, and where operations are computed.
    """

    gains_from_threads: ClassVar[bool] = False

    def __init__(self, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._transfers = Transfers(self.device)
        self._matrices: dict[tuple[object, ...], Tensor] = {}

    def upload(self, pixels: Pixels) -> Samples:
        return self._transfers.upload(pixels)

    def download(self, samples: Samples, share: Number) -> Callable[[], tuple[Pixels, float]]:
        if not isinstance(samples, Tensor):
            return lambda: (samples, float(share))
        dtype = np.uint8 if samples.dtype == torch.uint8 else np.uint16
        numbers = [share.to(torch.float32)] if isinstance(share, Tensor) else []
        arrived = self._transfers.download(samples, *numbers)

        def result() -> tuple[Pixels, float]:
            host, *known = arrived()
            pixels = cast(Pixels, host.numpy().astype(dtype, copy=False))
            return pixels, float(known[0] if known else share)

        return result

    def from_samples(self, samples: Samples) -> Tensor:
        dtype = torch.float16 if full_scale(samples) == 255 else torch.float32
        return to_tensor(samples, self.device, dtype).contiguous()

    def to_samples(self, picture: Tensor) -> Samples:
        return to_samples(picture, 255 if picture.dtype == torch.float16 else 65_535)

    def size(self, picture: Tensor) -> tuple[int, int]:
        return picture.shape[-2], picture.shape[-1]

    def is_equal(self, left: Tensor, right: Tensor) -> Tensor:
        return (left == right).all()

    def downsample(self, picture: Tensor, height: int, width: int) -> Tensor:
        return self._resize(picture, height, width).to(picture.dtype)

    def as_tensor(self, values: Tensor) -> Tensor:
        return copied(values)

    def plane(self, kept: Tensor) -> Tensor:
        return kept.to(self.device, copy=True)

    def picture(self, kept: Tensor) -> Tensor:
        return kept.to(self.device, copy=True)

    # planes

    def grid(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        y, x = torch.meshgrid(self._arange(height), self._arange(width), indexing="ij")
        return x.contiguous(), y.contiguous()

    def full(self, height: int, width: int, value: float) -> Tensor:
        return torch.full((height, width), value, dtype=torch.float32, device=self.device)

    def from_array(self, values: Array | Tensor) -> Tensor:
        if isinstance(values, Tensor):
            return values.to(torch.float32)
        return torch.from_numpy(values.astype(np.float32)).to(self.device)

    def decisions(self, weight: Tensor, is_repeat: bool | Tensor) -> Decisions:
        # the one place in the loop over frames where the device is waited for: a hundred kB for all decisions
        is_new = weight < 1
        assert isinstance(is_repeat, Tensor)  # as made by ``is_equal``
        bits = torch.cat([is_repeat.view(1), is_new.flatten(), self.dilate(is_new).flatten()]).cpu().numpy()
        new, dilated = bits[1:].reshape(2, *weight.shape)
        return Decisions(bool(bits[0]), int(new.sum()) / new.size, dilated)

    def zero_slots(self, height: int, width: int) -> Tensor:
        return torch.zeros((height, width), dtype=torch.uint8, device=self.device)

    def to_float(self, plane: Tensor) -> Tensor:
        return plane.to(torch.float32)

    def rint(self, plane: Tensor) -> Tensor:
        return plane.round()

    def floor(self, plane: Tensor) -> Tensor:
        return plane.floor()

    def select(self, mask: Tensor, value: Tensor | Number, otherwise: Tensor) -> Tensor:
        if isinstance(value, Tensor):
            return torch.where(mask, value.to(otherwise.dtype), otherwise)
        return otherwise.masked_fill(mask, value)

    def clip(self, plane: Tensor, low: float, high: float) -> Tensor:
        return plane.clamp(low, high)

    def sqrt(self, plane: Tensor) -> Tensor:
        return plane.clamp(min=0.0).sqrt()

    def mean(self, plane: Tensor) -> Number:
        # not mean(): some devices multiply by 1/count, so that all ones give less than 1
        return plane.sum() / plane.numel()

    def median(self, plane: Tensor) -> Number:
        return plane.median()

    def least_used(self, plane: Tensor, mask: Tensor, count: int) -> Slot:
        # not bincount(), which waits for the device to know the largest value
        values = torch.arange(count, dtype=torch.int32, device=self.device)
        counts = ((plane == values[:, None, None]) & mask).sum((1, 2), dtype=torch.int32)
        return (counts * count + values).argmin()  # of equal counts argmin() would choose any

    def gather(self, plane: Tensor, x: Tensor, y: Tensor) -> Tensor:
        height, width = plane.shape
        column = x.to(torch.int32).clamp_(0, width - 1)
        line = y.to(torch.int32).clamp_(0, height - 1)
        index = line.mul_(width).add_(column)
        return plane.flatten().index_select(0, index.flatten()).view(index.shape)

    def resize(self, plane: Tensor, height: int, width: int) -> Tensor:
        return self._resize(plane, height, width)

    def gaussian_blur(self, plane: Tensor, sigma: float) -> Tensor:
        lines = self._matrix(kernels.gaussian_weights, plane.shape[-2], sigma)
        columns = self._matrix(kernels.gaussian_weights, plane.shape[-1], sigma)
        return lines @ plane @ columns.T

    def gradient(self, plane: Tensor) -> tuple[Tensor, Tensor]:
        wide = F.pad(plane[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
        along_x = (wide[1:-1, 2:] - wide[1:-1, :-2]) * 0.5
        along_y = (wide[2:, 1:-1] - wide[:-2, 1:-1]) * 0.5
        return along_x, along_y

    def median_filter(self, mask: Tensor) -> Tensor:
        near = F.pad(mask[None, None].to(torch.float32), (2, 2, 2, 2), mode="replicate")
        return F.avg_pool2d(near, 5, stride=1)[0, 0] > 0.5

    def dilate(self, mask: Tensor) -> Tensor:
        return F.max_pool2d(mask[None, None].to(torch.float32), 3, stride=1, padding=1)[0, 0] > 0

    # flow

    def flow_input(self, picture: Tensor, height: int, width: int, estimator: FlowEstimator) -> FlowInput:
        if isinstance(estimator, GreyEstimator):  # it takes NumPy arrays, on the CPU
            grey = self._resize(self.luminance(picture), height, width)
            return grey.mul(255).round_().to(torch.uint8).cpu().numpy()
        return self._resize(picture, height, width)

    def estimate_motion(
        self,
        estimator: FlowEstimator,
        source: FlowInput,
        target: FlowInput,
        initial: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        if isinstance(estimator, GreyEstimator):
            assert not isinstance(source, Tensor) and not isinstance(
                target, Tensor
            )  # as made by ``flow_input``
            first = None if initial is None else torch.stack(initial, -1).cpu().numpy()
            flow = torch.from_numpy(estimator.between(source, target, first)).to(self.device)
            return flow[..., 0].contiguous(), flow[..., 1].contiguous()
        assert isinstance(source, Tensor) and isinstance(target, Tensor)
        planes = estimator(source, target)[0].to(self.device, torch.float32)
        return planes[0], planes[1]

    def camera_motion(
        self, motion: tuple[Tensor, Tensor], coarse: tuple[int, int], height: int, width: int
    ) -> tuple[Tensor, Tensor]:
        x, y = (self._resize(plane, *coarse) for plane in motion)
        return torch_affine.along(torch_affine.affine(x, y), height, width)

    # pictures

    def luminance(self, picture: Tensor) -> Tensor:
        colors = picture[0].to(torch.float32)
        return 0.299 * colors[0] + 0.587 * colors[1] + 0.114 * colors[2]

    def texture(self, picture: Tensor, height: int, width: int) -> Tensor:
        grey = self.luminance(picture)
        wide = F.pad(grey[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
        near = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
        return self._resize((near - 4 * grey).abs(), height, width)

    def color_distance(self, left: Tensor, right: Tensor, sigma: float) -> Tensor:
        return self.gaussian_blur(self.subtract(left, right), sigma)[0].abs().amax(0)

    def new_ring(self, slots: int, like: Tensor, upsampling: int = 1) -> Ring[Tensor]:
        # ``upsampling`` is ignored: the Lanczos kernel preserves sharpness without it
        height, width = like.shape[-2:]
        with memory_errors(self.device, width, height):
            ring = like.new_zeros((3, slots, height, width))
        return Ring(ring)

    def store(self, ring: Ring[Tensor], slot: Slot, picture: Tensor) -> None:
        if isinstance(slot, Tensor):
            ring.block.index_copy_(1, slot.view(1), picture[0].unsqueeze(1))
        else:
            ring.block[:, slot] = picture[0]

    def stored(self, ring: Ring[Tensor], slot: int) -> Tensor:
        return ring.block[:, slot].unsqueeze(0).clone()

    def sample_bilinear(self, ring: Ring[Tensor], slot: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return sample_ring(ring.block, slot, x, y)

    def sample_sharp(self, ring: Ring[Tensor], slot: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return sample_ring(ring.block, slot, x, y, self._matrix(kernels.lanczos))

    def blend(self, under: Tensor, over: Tensor, weight: Tensor) -> Tensor:
        return (under + self.subtract(over, under) * weight).to(under.dtype)

    def fill(self, picture: Tensor, other: Tensor, valid: Tensor | NDArray[np.bool_]) -> Tensor:
        if not isinstance(valid, Tensor):
            valid = torch.from_numpy(np.ascontiguousarray(valid)).to(self.device)
        return torch.where(valid, picture, other)

    def subtract(self, left: Tensor, right: Tensor) -> Tensor:
        return left.to(torch.float32) - right

    def add(self, picture: Tensor, difference: Tensor) -> Tensor:
        upsampled = self._resize(difference, *self.size(picture))
        return (picture + upsampled).clamp_(0.0, 1.0).to(picture.dtype)

    def warp(self, picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return _bilinear(picture.to(x.dtype), x, y, "border").to(picture.dtype)

    def warp_difference(self, difference: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return _bilinear(difference, x, y, "zeros")

    def fade(
        self, difference: Tensor, added: Tensor | None, weight: Tensor, coarse_weight: Tensor, sigma: float
    ) -> Tensor:
        total = difference if added is None else difference + added
        height, width = coarse_weight.shape
        half = max(1, height // 2), max(1, width // 2)
        colors = self.gaussian_blur(self._resize(total, *half), max(0.3, sigma / 2)) * self._resize(
            coarse_weight, *half
        )
        total = total * weight + self._resize(colors, *self.size(total))
        is_visible = total.abs() >= _SMALLEST_VISIBLE
        return total * is_visible  # whether there is any, only the device knows

    def zero_correction(self, height: int, width: int) -> Tensor:
        return torch.zeros((1, 3, height, width), dtype=torch.float32, device=self.device)

    def low_pass_difference(
        self, left: Tensor, right: Tensor, height: int, width: int, sigma: float
    ) -> Tensor:
        small = self._resize(self.subtract(left, right), height, width)
        return self.gaussian_blur(small, sigma) if sigma else small

    def soft_threshold(self, correction: Tensor, threshold: float) -> Tensor:
        return correction - correction.clamp(-threshold, threshold)

    def interpolate(self, correction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return correction + (target - correction) * weight

    def multiply(self, correction: Tensor, weight: Tensor) -> Tensor:
        return correction * weight

    # resizing and matrices

    def _resize(self, planes: Tensor, height: int, width: int) -> Tensor:
        """``planes`` (..., H, W) at another size, as float32.

        Bilinear along an axis that grows, area-averaged along one that shrinks.
        """
        planes = planes.to(torch.float32)
        lines, columns = planes.shape[-2:]
        larger = max(height, lines), max(width, columns)
        if larger != (lines, columns):
            channels = planes.view(1, -1, lines, columns)
            grown = F.interpolate(channels, larger, mode="bilinear", align_corners=False)
            planes = grown.view(*planes.shape[:-2], *larger)
        if larger == (height, width):
            return planes
        if larger[0] % height == 0 and larger[1] % width == 0:
            blocks = planes.view(*planes.shape[:-2], height, larger[0] // height, width, larger[1] // width)
            return blocks.mean((-3, -1))
        down, across = (
            self._matrix(kernels.area_weights, larger[0], height),
            self._matrix(kernels.area_weights, larger[1], width),
        )
        return down @ planes @ across.T

    def _matrix(self, make: Callable[..., NDArray[np.float32]], *arguments: float) -> Tensor:
        """The matrix ``make(*arguments)`` as a tensor on the device, cached."""
        key = (make, *arguments)
        if key not in self._matrices:
            if len(self._matrices) >= _MOST_MATRICES:
                self._matrices.clear()
            self._matrices[key] = torch.from_numpy(make(*arguments)).to(self.device)
        return self._matrices[key]

    def _arange(self, count: int) -> Tensor:
        return torch.arange(count, dtype=torch.float32, device=self.device)


def _bilinear(picture: Tensor, x: Tensor, y: Tensor, padding: str) -> Tensor:
    """(1, 3, h, w): ``picture`` (1, 3, H, W) at (x, y), (h, w) px; ``padding`` is that of ``grid_sample``."""
    height, width = picture.shape[-2:]
    places = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), -1).unsqueeze(0)
    return F.grid_sample(picture, places, mode="bilinear", padding_mode=padding, align_corners=False)
