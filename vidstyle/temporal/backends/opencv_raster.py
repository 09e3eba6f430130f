"""The backend of a CPU: planes and pictures are NumPy arrays, operations OpenCV's."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.flow import affine
from vidstyle.flow.base import Array, FlowEstimator, GreyEstimator
from vidstyle.frames import Pixels, eight_bits
from vidstyle.temporal.backends import kernels
from vidstyle.temporal.backends.base import Decisions, FlowInput, Number, Ring, Slot
from vidstyle.tensors import Samples

_PAD = 4  # rows above and below each slot, so that no kernel reads the next slot
_SMALLEST_VISIBLE = 1 / 255  # of the range: smaller values of a fade are set to 0


class CvRaster:
    """Pictures are (H, W, 3) uint8 or uint16 in their full range; their differences are float32, -1 to 1.

    Planes are (H, W). Rings are (slots, height, width, 3) of the pictures' type: each slot is a picture,
    upsampled once or twice, between rows that repeat its borders.
    """

    gains_from_threads: ClassVar[bool] = True

    def upload(self, pixels: Pixels) -> Samples:
        return pixels

    def download(self, samples: Samples, share: Number) -> Callable[[], tuple[Pixels, float]]:
        assert not isinstance(samples, Tensor)
        return lambda: (samples, float(share))

    def from_samples(self, samples: Samples) -> Array:
        assert not isinstance(samples, Tensor)
        return samples.copy()  # the caller may reuse the array

    def to_samples(self, picture: Array) -> Samples:
        return picture.copy()  # the caller may write to it, and it may still be in a ring

    def size(self, picture: Array) -> tuple[int, int]:
        return int(picture.shape[0]), int(picture.shape[1])

    def is_equal(self, left: Array, right: Array) -> bool:
        # fast path: most frames differ in their first rows
        return np.array_equal(left[:8], right[:8]) and np.array_equal(left, right)

    def downsample(self, picture: Array, height: int, width: int) -> Array:
        if picture.shape[:2] == (height, width):
            return picture
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)

    def as_tensor(self, values: Array) -> Tensor:
        return torch.from_numpy(values.copy())

    def plane(self, kept: Tensor) -> Array:
        values: Array = kept.numpy().copy()
        return values

    def picture(self, kept: Tensor) -> Array:
        return self.plane(kept)

    # planes

    def grid(self, height: int, width: int) -> tuple[Array, Array]:
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        return x, y

    def full(self, height: int, width: int, value: float) -> Array:
        return np.full((height, width), value, np.float32)

    def from_array(self, values: Array | Tensor) -> Array:
        assert not isinstance(values, Tensor)
        return values.astype(np.float32)

    def decisions(self, weight: Array, is_repeat: bool | Tensor) -> Decisions:
        share = 1 - self.mean(self.to_float(weight >= 1))
        return Decisions(bool(is_repeat), share, self.dilate(weight < 1))

    def zero_slots(self, height: int, width: int) -> Array:
        return np.zeros((height, width), np.uint8)

    def to_float(self, plane: Array) -> Array:
        return plane.astype(np.float32)

    def rint(self, plane: Array) -> Array:
        return np.rint(plane)

    def floor(self, plane: Array) -> Array:
        return np.floor(plane)

    def select(self, mask: Array, value: Array | Number, otherwise: Array) -> Array:
        assert not isinstance(value, Tensor)
        np.copyto(otherwise, value, where=mask, casting="unsafe")
        return otherwise

    def clip(self, plane: Array, low: float, high: float) -> Array:
        return np.clip(plane, low, high)

    def sqrt(self, plane: Array) -> Array:
        return np.sqrt(np.maximum(plane, 0))

    def mean(self, plane: Array) -> float:
        return float(np.mean(plane))

    def median(self, plane: Array) -> float:
        return float(np.median(plane))

    def least_used(self, plane: Array, mask: Array, count: int) -> int:
        return int(np.bincount(plane[mask].ravel(), minlength=count)[:count].argmin())

    def gather(self, plane: Array, x: Array, y: Array) -> Array:
        return cv2.remap(plane, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)

    def resize(self, plane: Array, height: int, width: int) -> Array:
        if plane.shape == (height, width):
            return plane
        is_larger = height * width > plane.size
        kind = cv2.INTER_LINEAR if is_larger else cv2.INTER_AREA
        return cv2.resize(plane, (width, height), interpolation=kind)

    def gaussian_blur(self, plane: Array, sigma: float) -> Array:
        return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)

    def gradient(self, plane: Array) -> tuple[Array, Array]:
        edge = cv2.BORDER_REPLICATE
        return (
            cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=1, scale=0.5, borderType=edge),
            cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=1, scale=0.5, borderType=edge),
        )

    def median_filter(self, mask: Array) -> Array:
        return cv2.medianBlur(mask.view(np.uint8), 5).view(np.bool_)

    def dilate(self, mask: Array) -> Array:
        return cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)

    # flow

    def flow_input(self, picture: Array, height: int, width: int, estimator: FlowEstimator) -> FlowInput:
        if isinstance(estimator, GreyEstimator):
            grey = cv2.cvtColor(eight_bits(picture), cv2.COLOR_RGB2GRAY)
            return self.downsample(grey, height, width)
        small = self.downsample(picture, height, width)
        scaled = torch.from_numpy(small.astype(np.float32) / np.iinfo(picture.dtype).max)
        return scaled.permute(2, 0, 1).unsqueeze(0)

    def estimate_motion(
        self,
        estimator: FlowEstimator,
        source: FlowInput,
        target: FlowInput,
        initial: tuple[Array, Array] | None = None,
    ) -> tuple[Array, Array]:
        if isinstance(estimator, GreyEstimator):
            assert not isinstance(source, Tensor) and not isinstance(
                target, Tensor
            )  # as made by ``flow_input``
            flow = estimator.between(source, target, None if initial is None else np.dstack(initial))
            return np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1])
        assert isinstance(source, Tensor) and isinstance(target, Tensor)
        planes: Array = estimator(source, target)[0].float().cpu().numpy()
        return planes[0], planes[1]

    def camera_motion(
        self, motion: tuple[Array, Array], coarse: tuple[int, int], height: int, width: int
    ) -> tuple[Array, Array]:
        flow = np.dstack([self.resize(plane, *coarse) for plane in motion])
        camera = affine.along(affine.affine(flow), height, width)
        return camera[..., 0], camera[..., 1]

    # pictures

    def luminance(self, picture: Array) -> Array:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return grey.astype(np.float32) * np.float32(1 / np.iinfo(picture.dtype).max)

    def texture(self, picture: Array, height: int, width: int) -> Array:
        depth = cv2.CV_16S if picture.dtype == np.uint8 else cv2.CV_32F
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        edges = np.abs(cv2.Laplacian(grey, depth, borderType=cv2.BORDER_REPLICATE)).astype(np.float32)
        return self.resize(edges * np.float32(1 / np.iinfo(picture.dtype).max), height, width)

    def color_distance(self, left: Array, right: Array, sigma: float) -> Array:
        edge = cv2.BORDER_REPLICATE
        blurred = [cv2.GaussianBlur(each, (0, 0), sigma, borderType=edge) for each in (left, right)]
        red, green, blue = cv2.split(cv2.absdiff(*blurred))
        largest = cv2.max(cv2.max(red, green), blue)  # 20 times as fast as NumPy's maximum over three
        return np.asarray(largest * np.float32(1 / np.iinfo(left.dtype).max), np.float32)

    def new_ring(self, slots: int, like: Array, upsampling: int = 1) -> Ring[Array]:
        height, width = like.shape[:2]
        return Ring(
            np.zeros((slots, upsampling * height + 2 * _PAD, upsampling * width, 3), like.dtype), upsampling
        )

    def store(self, ring: Ring[Array], slot: Slot, picture: Array) -> None:
        lines = ring.block[int(slot)]
        if ring.upsampling == 2:
            _upsample_twice(picture, lines[_PAD:-_PAD])
        else:
            lines[_PAD:-_PAD] = picture
        lines[:_PAD] = lines[_PAD]
        lines[-_PAD:] = lines[-_PAD - 1]

    def stored(self, ring: Ring[Array], slot: int) -> Array:
        # its own pixels are at even positions of an upsampled one
        lines: Array = ring.block[slot, _PAD:-_PAD]
        return lines[:: ring.upsampling, :: ring.upsampling].copy()

    def sample_bilinear(self, ring: Ring[Array], slot: Array, x: Array, y: Array) -> Array:
        return _sample_ring(ring, slot, x, y, cv2.INTER_LINEAR)

    def sample_sharp(self, ring: Ring[Array], slot: Array, x: Array, y: Array) -> Array:
        # Bicubic sampling at twice the size is sharper than Lanczos with 4 lobes, in half the time.
        return _sample_ring(ring, slot, x, y, cv2.INTER_CUBIC)

    def blend(self, under: Array, over: Array, weight: Array) -> Array:
        if under.dtype == np.uint8:
            return cv2.blendLinear(over, under, weight, 1 - weight)
        mixed: Array = np.rint(under + (over.astype(np.float32) - under) * weight[..., None])
        return mixed.astype(under.dtype)

    def fill(self, picture: Array, other: Array, valid: Array | NDArray[np.bool_] | Tensor) -> Array:
        assert not isinstance(valid, Tensor)
        return cv2.copyTo(picture, valid.view(np.uint8), other.copy())

    def subtract(self, left: Array, right: Array) -> Array:
        share = 1 / np.iinfo(left.dtype).max
        return cv2.addWeighted(left, share, right, -share, 0, dtype=cv2.CV_32F)

    def add(self, picture: Array, difference: Array) -> Array:
        height, width = picture.shape[:2]
        if difference.shape[:2] != picture.shape[:2]:
            difference = cv2.resize(difference, (width, height), interpolation=cv2.INTER_LINEAR)
        depth = cv2.CV_8U if picture.dtype == np.uint8 else cv2.CV_16U
        return cv2.addWeighted(picture, 1, difference, np.iinfo(picture.dtype).max, 0, dtype=depth)

    def warp(self, picture: Array, x: Array, y: Array) -> Array:
        return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def warp_difference(self, difference: Array, x: Array, y: Array) -> Array:
        return cv2.remap(difference, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)

    def fade(
        self, difference: Array, added: Array | None, weight: Array, coarse_weight: Array, sigma: float
    ) -> Array | None:
        total = difference if added is None else cv2.add(difference, added)
        height, width = coarse_weight.shape
        small = cv2.resize(total, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(0.3, sigma / 2), borderType=cv2.BORDER_REPLICATE)
        share = cv2.resize(coarse_weight, small.shape[1::-1], interpolation=cv2.INTER_AREA)
        colors = cv2.resize(cv2.multiply(small, cv2.merge([share] * 3)), total.shape[1::-1])
        total = cv2.add(cv2.multiply(total, cv2.merge([weight] * 3)), colors)
        is_visible = cv2.bitwise_not(cv2.inRange(total, (-_SMALLEST_VISIBLE,) * 3, (_SMALLEST_VISIBLE,) * 3))
        return cv2.copyTo(total, is_visible) if cv2.hasNonZero(is_visible) else None

    def zero_correction(self, height: int, width: int) -> Array:
        return np.zeros((height, width, 3), np.float32)

    def low_pass_difference(self, left: Array, right: Array, height: int, width: int, sigma: float) -> Array:
        small = self.subtract(self.downsample(left, height, width), self.downsample(right, height, width))
        return cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) if sigma else small

    def soft_threshold(self, correction: Array, threshold: float) -> Array:
        return np.asarray(np.sign(correction) * np.maximum(np.abs(correction) - threshold, 0), np.float32)

    def interpolate(self, correction: Array, target: Array, weight: Array) -> Array:
        moved: Array = correction + (target - correction) * weight[..., None]
        return moved

    def multiply(self, correction: Array, weight: Array) -> Array:
        scaled: Array = correction * weight[..., None]
        return scaled


def _sample_ring(ring: Ring[Array], slot: Array, x: Array, y: Array, interpolation: int) -> Array:
    """(h, w, 3): for each pixel the picture in ``slot`` at (x, y), px before upsampling, all three (h, w)."""
    _, tall, wide, _ = ring.block.shape
    factor = np.float32(ring.upsampling)
    inside = np.clip(factor * y, 0, tall - 2 * _PAD - 1)  # else rows outside would be those of the next slot
    line = slot.astype(np.float32) * np.float32(tall) + (inside + np.float32(_PAD))
    stacked = ring.block.reshape(-1, wide, 3)
    return cv2.remap(stacked, factor * x, line, interpolation, borderMode=cv2.BORDER_REPLICATE)


def _upsample_twice(picture: Array, into: Array) -> None:
    """Write ``picture`` (H, W, 3), upsampled by 2, into ``into`` (2H, 2W, 3).

    Its own pixels are at even positions.
    """
    kernel = kernels.lanczos(2)[:, 1]
    first, edge = len(kernel) // 2 - 1, cv2.BORDER_REPLICATE
    height, width = picture.shape[:2]
    # sepFilter2D takes three times as long
    between = cv2.filter2D(picture, -1, kernel[None], anchor=(first, 0), borderType=edge)
    pairs = np.empty((height, width, 6), picture.dtype)
    cv2.mixChannels([picture, between], [pairs], [index // 2 for index in range(12)])
    rows = pairs.reshape(height, 2 * width, 3)
    into[0::2] = rows
    into[1::2] = cv2.filter2D(rows, -1, kernel[:, None], anchor=(0, first), borderType=edge)
