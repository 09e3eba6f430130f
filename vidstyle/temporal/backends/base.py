"""The protocol of a backend of the paint map: the operations on planes and pictures that it computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.flow.base import Array, FlowEstimator
from vidstyle.frames import Pixels
from vidstyle.tensors import Samples

Plane = TypeVar("Plane", Array, Tensor)
"""(H, W) float32, bool or uint8: a NumPy array or a torch tensor. Both have +, *, <, & and indexing."""

Picture = TypeVar("Picture")
"""An RGB picture, or a signed difference of pictures from -1 to 1, in a form that only its backend knows."""

FlowInput = NDArray[np.uint8] | Tensor
"""A frame as input of a flow estimator: (H, W) grey levels, 0 to 255, for a ``GreyEstimator``, (1, 3, H, W)
RGB in [0, 1] for others."""


Number = float | Tensor
"""A number; a tensor without axes where the device that computes it is not waited for."""

Slot = int | Tensor
"""A slot of a ring; the same holds."""


def limited(number: Number, low: float, high: float) -> Number:
    """``number`` limited to the range from ``low`` to ``high``."""
    return number.clamp(low, high) if isinstance(number, Tensor) else min(max(number, low), high)


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What is decided of a frame before it is painted, on the CPU."""

    is_repeat: bool
    """Whether the frame equals the last one."""
    share: float
    """Share of the weights of old paint that are below 1: of the picture that is repainted."""
    mask: NDArray[np.bool_]
    """Where they are, dilated by a pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Ring(Generic[Picture]):
    """Several pictures of one size in one array, so that one call can sample all of them."""

    block: Picture
    """All pictures; the backend chooses the order of the axes."""
    upsampling: int = 1
    """Factor by which the pictures are stored upsampled."""


class Raster(Protocol[Plane, Picture]):
    """The operations that differ between NumPy with OpenCV and torch.

    Heights, widths, coordinates and ``sigma`` are in px. Coordinates are those of pixel centres: (0, 0) is
    the centre of the top left pixel. Planes are (H, W). Beyond the borders the nearest pixel is repeated
    unless stated otherwise. Operations start no threads.
    """

    gains_from_threads: ClassVar[bool]
    """Whether operations that several threads call run in parallel. Those of a GPU are queued."""

    def upload(self, pixels: Pixels) -> Samples:
        """``pixels`` (H, W, 3) where they are painted: themselves, or a copy on the device."""

    def download(self, samples: Samples, share: Number) -> Callable[[], tuple[Pixels, float]]:
        """Begin to bring samples and a number to the CPU; what is returned waits for them."""

    def from_samples(self, samples: Samples) -> Picture:
        """Pixels, or samples on the device, as a picture; a copy."""

    def to_samples(self, picture: Picture) -> Samples:
        """``picture`` as samples, in the depth that it was made of; a copy."""

    def size(self, picture: Picture) -> tuple[int, int]:
        """Height and width."""

    def is_equal(self, left: Picture, right: Picture) -> bool | Tensor:
        """Whether all samples of two pictures are equal; a tensor if only the device knows yet."""

    def downsample(self, picture: Picture, height: int, width: int) -> Picture:
        """``picture`` at a smaller size, by area averaging."""

    def as_tensor(self, values: Plane | Picture) -> Tensor:
        """A plane or a picture as a tensor on the CPU, to be kept; a copy."""

    def plane(self, kept: Tensor) -> Plane:
        """The plane that ``as_tensor`` made ``kept`` of; a copy."""

    def picture(self, kept: Tensor) -> Picture:
        """The picture that ``as_tensor`` made ``kept`` of; a copy."""

    # planes

    def grid(self, height: int, width: int) -> tuple[Plane, Plane]:
        """The x and the y of every pixel, float32."""

    def full(self, height: int, width: int, value: float) -> Plane:
        """A float32 plane filled with ``value``."""

    def from_array(self, values: Array | Tensor) -> Plane:
        """A NumPy array (H, W), or a tensor that is on the device, as a float32 plane."""

    def decisions(self, weight: Plane, is_repeat: bool | Tensor) -> Decisions:
        """What must be known on the CPU before a frame is painted: all that a device is waited for.

        ``weight`` is that of old paint, and ``is_repeat`` the result of ``is_equal`` for the last frame.
        """

    def zero_slots(self, height: int, width: int) -> Plane:
        """A uint8 plane that refers to slot 0 of a ring everywhere."""

    def to_float(self, plane: Plane) -> Plane:
        """Any plane as float32."""

    def rint(self, plane: Plane) -> Plane:
        """Values rounded to the nearest whole number, halves to even."""

    def floor(self, plane: Plane) -> Plane:
        """Values rounded down to whole numbers."""

    def select(self, mask: Plane, value: Plane | Number, otherwise: Plane) -> Plane:
        """``value`` where ``mask`` (bool) is true, else ``otherwise``, which may be overwritten."""

    def clip(self, plane: Plane, low: float, high: float) -> Plane:
        """Values limited to the range from ``low`` to ``high``."""

    def sqrt(self, plane: Plane) -> Plane:
        """Square roots; 0 for negative values."""

    def mean(self, plane: Plane) -> Number:
        """The mean of all values; of a bool plane the share that is true."""

    def median(self, plane: Plane) -> Number:
        """The median of a float32 plane."""

    def least_used(self, plane: Plane, mask: Plane, count: int) -> Slot:
        """The value from 0 to ``count`` - 1 that occurs least in a uint8 plane where ``mask`` is true.

        The smallest of several.
        """

    def gather(self, plane: Plane, x: Plane, y: Plane) -> Plane:
        """The values of ``plane`` at whole-number coordinates (float32)."""

    def resize(self, plane: Plane, height: int, width: int) -> Plane:
        """A float32 plane at another size: bilinear if larger, area-averaged if smaller."""

    def gaussian_blur(self, plane: Plane, sigma: float) -> Plane:
        """A float32 plane smoothed by a Gaussian of ``sigma`` px."""

    def gradient(self, plane: Plane) -> tuple[Plane, Plane]:
        """Derivatives along x and y, per px, by central differences."""

    def median_filter(self, mask: Plane) -> Plane:
        """A bool mask after a 5x5 median filter."""

    def dilate(self, mask: Plane) -> Plane:
        """A bool mask dilated by one pixel (3x3)."""

    # flow

    def flow_input(self, picture: Picture, height: int, width: int, estimator: FlowEstimator) -> FlowInput:
        """``picture`` as input of ``estimator``, resized to (height, width)."""

    def estimate_motion(
        self,
        estimator: FlowEstimator,
        source: FlowInput,
        target: FlowInput,
        initial: tuple[Plane, Plane] | None = None,
    ) -> tuple[Plane, Plane]:
        """Motion from ``source`` to ``target``: x and y, float32 planes of the inputs' size, in px.

        ``initial`` is an initial estimate, for estimators that take one.
        """

    def camera_motion(
        self, motion: tuple[Plane, Plane], coarse: tuple[int, int], height: int, width: int
    ) -> tuple[Plane, Plane]:
        """The affine motion that most of ``motion`` follows: x and y, planes (``height``, ``width``).

        Fitted to ``motion`` reduced to the size ``coarse``; robust (see ``flow.affine``).
        """

    # pictures

    def luminance(self, picture: Picture) -> Plane:
        """Luma, 0 to 1 (BT.601 weights)."""

    def texture(self, picture: Picture, height: int, width: int) -> Plane:
        """The absolute Laplacian of the luma (of 0 to 1), area-averaged to (height, width)."""

    def color_distance(self, left: Picture, right: Picture, sigma: float) -> Plane:
        """The largest absolute difference among the channels, 0 to 1, after a Gaussian of ``sigma`` px."""

    def new_ring(self, slots: int, like: Picture, upsampling: int = 1) -> Ring[Picture]:
        """A ring for ``slots`` pictures of the size and type of ``like``.

        A backend may store them upsampled by ``upsampling`` along each axis.
        """

    def store(self, ring: Ring[Picture], slot: Slot, picture: Picture) -> None:
        """Store ``picture``, which must not be changed afterwards, in a slot."""

    def stored(self, ring: Ring[Picture], slot: int) -> Picture:
        """The picture that ``store`` put in a slot; a copy."""

    def sample_bilinear(self, ring: Ring[Picture], slot: Plane, x: Plane, y: Plane) -> Picture:
        """For each pixel the picture in ``slot`` (uint8) at (x, y), bilinear."""

    def sample_sharp(self, ring: Ring[Picture], slot: Plane, x: Plane, y: Plane) -> Picture:
        """For each pixel the picture in ``slot`` (uint8) at (x, y), by a kernel that preserves sharpness."""

    def blend(self, under: Picture, over: Picture, weight: Plane) -> Picture:
        """``under`` + (``over`` - ``under``) x ``weight``, a plane (0 to 1) of the pictures' size."""

    def fill(self, picture: Picture, other: Picture, valid: Plane | NDArray[np.bool_] | Tensor) -> Picture:
        """``picture`` where ``valid`` (a bool plane or NumPy array) is true, else ``other``."""

    def subtract(self, left: Picture, right: Picture) -> Picture:
        """``left`` - ``right``, a signed difference."""

    def add(self, picture: Picture, difference: Picture) -> Picture:
        """``picture`` + ``difference``, clamped to the range; a smaller ``difference`` is upsampled first."""

    def warp(self, picture: Picture, x: Plane, y: Plane) -> Picture:
        """A picture sampled at (x, y), bilinear."""

    def warp_difference(self, difference: Picture, x: Plane, y: Plane) -> Picture:
        """A signed difference sampled at (x, y), bilinear; zero outside."""

    def fade(
        self, difference: Picture, added: Picture | None, weight: Plane, coarse_weight: Plane, sigma: float
    ) -> Picture | None:
        """total x weight + low_pass(total) x coarse_weight; None if that is known to be invisible.

        total is ``difference`` + ``added``, or ``difference`` if ``added`` is None. Values that are too small
        to be seen are set to 0.

        Args:
            difference: a signed difference.
            added: another of the same size, or None.
            weight: 0 to 1, of the same size.
            coarse_weight: 0 to 1, a plane of any smaller size.
            sigma: the Gaussian of the low pass, px of ``coarse_weight``.
        """

    def zero_correction(self, height: int, width: int) -> Picture:
        """A signed difference of zeros, float32."""

    def low_pass_difference(
        self, left: Picture, right: Picture, height: int, width: int, sigma: float
    ) -> Picture:
        """``left`` - ``right``, float32, area-averaged to (height, width), then smoothed by ``sigma`` px.

        A ``sigma`` of 0 does not smooth.
        """

    def soft_threshold(self, correction: Picture, threshold: float) -> Picture:
        """A float32 difference moved towards 0 by ``threshold`` (of the range), and not beyond 0."""

    def interpolate(self, correction: Picture, target: Picture, weight: Plane) -> Picture:
        """``correction`` + (``target`` - ``correction``) x ``weight``; float32 differences."""

    def multiply(self, correction: Picture, weight: Plane) -> Picture:
        """A float32 difference times a plane of its size."""


AnyRaster = Raster[Any, Any]
"""A backend of any type of planes and pictures."""
