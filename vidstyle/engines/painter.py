"""Pixels painted by an engine: at a working size, whole or only where paint is needed, in bounded memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.device import memory_errors
from vidstyle.engines.base import Engine, Moments
from vidstyle.engines.regions import Region, cover
from vidstyle.errors import InputError
from vidstyle.frames import Pixels, check_pixels
from vidstyle.images import to_pixels, to_tensor
from vidstyle.options import DEFAULT_WORKING_SIZE

S = TypeVar("S")

_LARGEST_WHOLE = 4096 * 2304  # px² painted at once: about 1 GB of float32 features in StyleNet
_STRIP = 2048  # px: side of the tiles that larger pictures are painted in
_NEAR = 32  # px of surroundings that lazy paint sees: StyleNet's depends on 48, but by under 4 levels of 255
_REACH = 3  # px, working size: how far enlarging looks


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """Painted pixels, and the moments that they were painted with (None: the engine has none)."""

    pixels: Pixels
    """(H, W, 3), size and depth of what was painted."""
    moments: Moments | None
    valid: NDArray[np.bool_] | None = None
    """(H, W) where there is paint, or None: everywhere."""


class Painter(Generic[S]):
    """An engine with all that is the same for every engine: device, precision, working size and tiles.

    Holds no state of a clip: styles and moments are arguments.
    """

    def __init__(
        self,
        engine: Engine[S],
        *,
        device: torch.device | str = "cpu",
        precision: torch.dtype = torch.float32,
        working_size: int | None = None,
    ) -> None:
        self.engine = engine.to(device)
        self.device = torch.device(device)
        self.precision = precision
        self.working_size = working_size

    def encode(self, picture: Pixels) -> S:
        """The style of a ``picture`` (H, W, 3), as the engine knows it."""
        with torch.inference_mode():
            return self.engine.encode_style(to_tensor(picture, self.device))

    def fingerprint(self) -> str:
        """A hash of the engine's kind and weights: who paints with another has other styles."""
        found = hashlib.sha256(type(self.engine).__qualname__.encode())
        for name, tensor in (*self.engine.named_parameters(), *self.engine.named_buffers()):
            found.update(name.encode())
            found.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()

    def working_shape(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which a frame of this size is painted: never above its own."""
        short = min(height, width)
        scale = min(1.0, (self.working_size or DEFAULT_WORKING_SIZE) / short)
        smallest = min(self.engine.smallest, short)
        return max(smallest, round(height * scale)), max(smallest, round(width * scale))

    def paint(self, pixels: Pixels, style: S, moments: Moments | None = None) -> Painting:
        """Paint a whole frame ``pixels`` (H, W, 3); without ``moments`` they are taken from it."""
        height, width = self._check(pixels)
        with torch.inference_mode(), memory_errors(self.device, *self.working_shape(height, width)[::-1]):
            image = self._reduced(pixels)
            painted, taken = self._paint_whole(image, style, moments)
            return Painting(self._enlarged(painted, pixels), taken)

    def paint_where(self, pixels: Pixels, style: S, moments: Moments, need: NDArray[np.bool_]) -> Painting:
        """Paint ``pixels`` (H, W, 3) at least where ``need`` (h, w; any size, stretched over it) is true.

        Paints whole if that is cheaper. What is painted alone differs from the whole frame's by at most
        about 4 levels of 255, at its rim.
        """
        height, width = self._check(pixels)
        working = self.working_shape(height, width)
        margin = 0 if working == (height, width) else _REACH
        regions = cover(need, working, halo=_NEAR, margin=margin) if self.engine.halo is not None else None
        if regions is None:
            return self.paint(pixels, style, moments)
        with torch.inference_mode(), memory_errors(self.device, *working[::-1]):
            image = self._reduced(pixels)
            painted = torch.zeros_like(image)
            for region in regions:
                self._paint_region(image, region, style, moments, painted, _NEAR)
            valid = np.zeros((height, width), np.bool_)
            for region in regions:
                valid[region.scaled(working, (height, width), margin).slices] = True
            return Painting(self._enlarged(painted, pixels), moments, valid)

    def _check(self, pixels: Pixels) -> tuple[int, int]:
        check_pixels(pixels)
        height, width = pixels.shape[:2]
        if min(height, width) < self.engine.smallest:
            least = self.engine.smallest
            raise InputError(
                f"a picture of {width}x{height} is too small to paint; {least}x{least} is the least"
            )
        return height, width

    def _paint_whole(self, image: Tensor, style: S, moments: Moments | None) -> tuple[Tensor, Moments | None]:
        height, width = image.shape[-2:]
        halo = self.engine.halo
        if halo is None or height * width <= _LARGEST_WHOLE:
            result = self.engine.stylize(image, style, moments)
            return result.image, result.moments
        if moments is None:
            scale = (_LARGEST_WHOLE / (height * width)) ** 0.5
            small = F.interpolate(image, scale_factor=scale, mode="bilinear", antialias=True)
            moments = self.engine.stylize(small, style).moments
        painted = torch.empty_like(image)
        for top in range(0, height, _STRIP):
            for left in range(0, width, _STRIP):
                tile = Region(top, left, min(top + _STRIP, height), min(left + _STRIP, width))
                self._paint_region(image, tile, style, moments, painted, halo)
        return painted, moments

    def _paint_region(
        self, image: Tensor, region: Region, style: S, moments: Moments | None, into: Tensor, halo: int
    ) -> None:
        """Paint one ``region`` with ``halo`` px of its surroundings, and put it ``into`` the picture."""
        frame = (image.shape[-2], image.shape[-1])
        window = region.grown(halo, frame, self.engine.multiple, self.engine.smallest)
        painted = self.engine.stylize(image[(..., *window.slices)], style, moments).image
        into[(..., *region.slices)] = painted[(..., *region.within(window).slices)]

    def _reduced(self, pixels: Pixels) -> Tensor:
        """The picture at its working size, on the device."""
        height, width = self.working_shape(*pixels.shape[:2])
        if (height, width) == pixels.shape[:2]:
            return to_tensor(pixels, self.device, self.precision)
        if self.device.type != "cpu" or pixels.dtype != np.uint8:
            image = to_tensor(pixels, self.device)
            small = F.interpolate(image, (height, width), mode="bilinear", antialias=True)
            return small.to(self.precision, memory_format=torch.channels_last)
        # on a CPU torch scales uint8 four times as fast as OpenCV by area, fourteen times as fast as float32
        bytes_ = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).unsqueeze(0)
        small = F.interpolate(bytes_, (height, width), mode="bilinear", antialias=True)
        return to_tensor(small[0].permute(1, 2, 0).numpy(), self.device, self.precision)

    def _enlarged(self, painted: Tensor, like: Pixels) -> Pixels:
        """The painted picture as pixels of the size and depth of ``like``."""
        height, width = like.shape[:2]
        if painted.shape[-2:] == (height, width):
            return to_pixels(painted, like.dtype)
        if self.device.type != "cpu":
            large = F.interpolate(painted.float(), (height, width), mode="bicubic")
            return to_pixels(large, like.dtype)
        small = to_pixels(painted, like.dtype)
        enlarged: Any = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        return cast(Pixels, enlarged)
