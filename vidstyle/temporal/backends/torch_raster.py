"""The paint map's planes and pictures as torch tensors, computed on any device."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.device import memory_errors
from vidstyle.flow.base import Array, FlowEstimator, GreyEstimator
from vidstyle.frames import Pixels
from vidstyle.temporal.backends import kernels
from vidstyle.temporal.backends.base import Ring, View
from vidstyle.temporal.backends.torch_sampling import sampled
from vidstyle.tensors import to_pixels, to_tensor

_SMALLEST_VISIBLE = 1 / 255  # of the range: a fading difference below is dropped
_MOST_MATRICES = 128  # kept on the device: a clip needs about 20, of a few hundred kB at most


class TorchRaster:
    """Pictures are (1, 3, H, W) tensors in [0, 1]: float16 for sources of 8 bits, float32 for 16.

    Differences of pictures are float32, planes (H, W). Rings are (3, slots, H, W), 2 bytes a sample of 8 bits
    and 4 of 16; what the CPU keeps doubled is kept once here. Smoothings and uneven reductions are products
    with small matrices: exact at the edges on every device, and two calls each. Nothing is float64, which
    Apple's GPUs lack.

    Args:
        device: where to compute.
    """

    gains_from_threads: ClassVar[bool] = False

    def __init__(self, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._matrices: dict[tuple[object, ...], Tensor] = {}

    def upload(self, pixels: Pixels) -> Tensor:
        dtype = torch.float16 if pixels.dtype == np.uint8 else torch.float32
        return to_tensor(pixels, self.device, dtype).contiguous()

    def download(self, picture: Tensor) -> Pixels:
        return to_pixels(picture, np.uint8 if picture.dtype == torch.float16 else np.uint16)

    def size(self, picture: Tensor) -> tuple[int, int]:
        return picture.shape[-2], picture.shape[-1]

    def is_equal(self, left: Tensor, right: Tensor) -> bool:
        return torch.equal(left, right)

    def shrunk(self, picture: Tensor, height: int, width: int) -> Tensor:
        return self._sized(picture, height, width).to(picture.dtype)

    # planes

    def grid(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        y, x = torch.meshgrid(self._numbers(height), self._numbers(width), indexing="ij")
        return x.contiguous(), y.contiguous()

    def full(self, height: int, width: int, value: float) -> Tensor:
        return torch.full((height, width), value, dtype=torch.float32, device=self.device)

    def plane(self, values: Array) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self.device)

    def array(self, plane: Tensor) -> Array:
        array: Array = plane.cpu().numpy()
        return array

    def slots(self, height: int, width: int) -> Tensor:
        return torch.zeros((height, width), dtype=torch.uint8, device=self.device)

    def floats(self, plane: Tensor) -> Tensor:
        return plane.to(torch.float32)

    def rint(self, plane: Tensor) -> Tensor:
        return plane.round()

    def floor(self, plane: Tensor) -> Tensor:
        return plane.floor()

    def chosen(self, mask: Tensor, yes: Tensor | float, no: Tensor) -> Tensor:
        if isinstance(yes, Tensor):
            return torch.where(mask, yes.to(no.dtype), no)
        return no.masked_fill(mask, yes)

    def clip(self, plane: Tensor, low: float, high: float) -> Tensor:
        return plane.clamp(low, high)

    def sqrt(self, plane: Tensor) -> Tensor:
        return plane.clamp(min=0.0).sqrt()

    def mean(self, plane: Tensor) -> float:
        # not mean(): some devices multiply by 1/count, so that all ones give less than 1
        return float(plane.sum()) / plane.numel()

    def median(self, plane: Tensor) -> float:
        return float(plane.median())

    def counts(self, plane: Tensor, mask: Tensor, slots: int) -> list[int]:
        # what does not count has a place of its own: picking out the rest would wait for the device
        where = plane.to(torch.int32).masked_fill(~mask, slots).flatten()
        counts: list[int] = torch.bincount(where, minlength=slots + 1)[:slots].tolist()
        return counts

    def pick(self, plane: Tensor, x: Tensor, y: Tensor) -> Tensor:
        height, width = plane.shape
        column = x.to(torch.int32).clamp_(0, width - 1)
        line = y.to(torch.int32).clamp_(0, height - 1)
        index = line.mul_(width).add_(column)
        return plane.flatten().index_select(0, index.flatten()).view(index.shape)

    def resized(self, plane: Tensor, height: int, width: int) -> Tensor:
        return self._sized(plane, height, width)

    def blurred(self, plane: Tensor, sigma: float) -> Tensor:
        lines = self._matrix(kernels.gaussian, plane.shape[-2], sigma)
        columns = self._matrix(kernels.gaussian, plane.shape[-1], sigma)
        return lines @ plane @ columns.T

    def slope(self, plane: Tensor) -> tuple[Tensor, Tensor]:
        wide = F.pad(plane[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
        along_x = (wide[1:-1, 2:] - wide[1:-1, :-2]) * 0.5
        along_y = (wide[2:, 1:-1] - wide[:-2, 1:-1]) * 0.5
        return along_x, along_y

    def calm(self, mask: Tensor) -> Tensor:
        near = F.pad(mask[None, None].to(torch.float32), (2, 2, 2, 2), mode="replicate")
        return F.avg_pool2d(near, 5, stride=1)[0, 0] > 0.5

    def widened(self, mask: Tensor) -> Tensor:
        return F.max_pool2d(mask[None, None].to(torch.float32), 3, stride=1, padding=1)[0, 0] > 0

    # flow

    def view(self, picture: Tensor, height: int, width: int, estimator: FlowEstimator) -> View:
        if isinstance(estimator, GreyEstimator):  # grey integers on the CPU are what it works on
            grey = self._sized(self.luminance(picture), height, width)
            return grey.mul(255).round_().to(torch.uint8).cpu().numpy()
        return self._sized(picture, height, width)

    def motion(
        self, estimator: FlowEstimator, source: View, target: View, guess: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        if isinstance(estimator, GreyEstimator):
            assert not isinstance(source, Tensor) and not isinstance(target, Tensor)  # as ``view`` made them
            first = None if guess is None else torch.stack(guess, -1).cpu().numpy()
            flow = torch.from_numpy(estimator.between(source, target, first)).to(self.device)
            return flow[..., 0].contiguous(), flow[..., 1].contiguous()
        assert isinstance(source, Tensor) and isinstance(target, Tensor)
        planes = estimator(source, target)[0].to(self.device, torch.float32)
        return planes[0], planes[1]

    # pictures

    def luminance(self, picture: Tensor) -> Tensor:
        colors = picture[0].to(torch.float32)
        return 0.299 * colors[0] + 0.587 * colors[1] + 0.114 * colors[2]

    def texture(self, picture: Tensor, height: int, width: int) -> Tensor:
        grey = self.luminance(picture)
        wide = F.pad(grey[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
        near = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
        return self._sized((near - 4 * grey).abs(), height, width)

    def difference(self, left: Tensor, right: Tensor, sigma: float) -> Tensor:
        return self.blurred(self.minus(left, right), sigma)[0].abs().amax(0)

    def new_ring(self, slots: int, like: Tensor, fine: int = 1) -> Ring[Tensor]:
        # ``fine`` is the CPU's way to sample well; here the kernel is as long as it takes
        height, width = like.shape[-2:]
        with memory_errors(self.device, width, height):
            ring = like.new_zeros((3, slots, height, width))
        return Ring(ring)

    def put(self, ring: Ring[Tensor], slot: int, picture: Tensor) -> None:
        ring.block[:, slot] = picture[0]

    def sample(self, ring: Ring[Tensor], slot: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return sampled(ring.block, slot, x, y)

    def sharply(self, ring: Ring[Tensor], slot: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return sampled(ring.block, slot, x, y, self._matrix(kernels.lanczos))

    def mixed(self, under: Tensor, over: Tensor, weight: Tensor) -> Tensor:
        return (under + self.minus(over, under) * weight).to(under.dtype)

    def filled(self, picture: Tensor, other: Tensor, valid: Tensor | NDArray[np.bool_]) -> Tensor:
        if not isinstance(valid, Tensor):
            valid = torch.from_numpy(np.ascontiguousarray(valid)).to(self.device)
        return torch.where(valid, picture, other)

    def minus(self, left: Tensor, right: Tensor) -> Tensor:
        return left.to(torch.float32) - right

    def plus(self, picture: Tensor, difference: Tensor) -> Tensor:
        whole = self._sized(difference, *self.size(picture))
        return (picture + whole).clamp_(0.0, 1.0).to(picture.dtype)

    def warped(self, picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return _bilinear(picture.to(x.dtype), x, y, "border").to(picture.dtype)

    def moved(self, difference: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return _bilinear(difference, x, y, "zeros")

    def faded(
        self, difference: Tensor, more: Tensor | None, weight: Tensor, coarse: Tensor, sigma: float
    ) -> Tensor | None:
        total = difference if more is None else difference + more
        height, width = coarse.shape
        half = max(1, height // 2), max(1, width // 2)
        colors = self.blurred(self._sized(total, *half), max(0.3, sigma / 2)) * self._sized(coarse, *half)
        total = total * weight + self._sized(colors, *self.size(total))
        is_visible = total.abs() >= _SMALLEST_VISIBLE
        return total * is_visible if bool(is_visible.any()) else None

    def correction(self, height: int, width: int) -> Tensor:
        return torch.zeros((1, 3, height, width), dtype=torch.float32, device=self.device)

    def coarse(self, left: Tensor, right: Tensor, height: int, width: int, sigma: float) -> Tensor:
        small = self._sized(self.minus(left, right), height, width)
        return self.blurred(small, sigma) if sigma else small

    def softened(self, correction: Tensor, least: float) -> Tensor:
        return correction - correction.clamp(-least, least)

    def stepped(self, correction: Tensor, goal: Tensor, share: Tensor) -> Tensor:
        return correction + (goal - correction) * share

    def scaled(self, correction: Tensor, weight: Tensor) -> Tensor:
        return correction * weight

    # sizes

    def _sized(self, planes: Tensor, height: int, width: int) -> Tensor:
        """(..., H, W) as float32 at another size: bilinear along what grows, means along what shrinks."""
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
            self._matrix(kernels.areas, larger[0], height),
            self._matrix(kernels.areas, larger[1], width),
        )
        return down @ planes @ across.T

    def _matrix(self, make: Callable[..., NDArray[np.float32]], *arguments: float) -> Tensor:
        """What ``make`` returns for ``arguments``, on the device."""
        key = (make, *arguments)
        if key not in self._matrices:
            if len(self._matrices) >= _MOST_MATRICES:
                self._matrices.clear()
            self._matrices[key] = torch.from_numpy(make(*arguments)).to(self.device)
        return self._matrices[key]

    def _numbers(self, count: int) -> Tensor:
        return torch.arange(count, dtype=torch.float32, device=self.device)


def _bilinear(picture: Tensor, x: Tensor, y: Tensor, outside: str) -> Tensor:
    height, width = picture.shape[-2:]
    places = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), -1).unsqueeze(0)
    return F.grid_sample(picture, places, mode="bilinear", padding_mode=outside, align_corners=False)
