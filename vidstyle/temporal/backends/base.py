"""The protocol of a backend of the paint map: its operations on planes and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.flow.base import Array, FlowEstimator
from vidstyle.frames import Pixels

Plane = TypeVar("Plane", Array, Tensor)
"""(H, W) float32, bool or uint8: a NumPy array or a torch tensor, which share +, *, <, &, slices, masks."""

Picture = TypeVar("Picture")
"""A picture, or a signed difference of pictures from -1 to 1, in a form that only its backend knows."""

View = NDArray[np.uint8] | Tensor
"""A frame as input of a flow estimator: (H, W) grey levels for a ``GreyEstimator``, (1, 3, H, W) in [0, 1]
for others."""


@dataclass(frozen=True, slots=True, eq=False)
class Ring(Generic[Picture]):
    """Several pictures of one size in one array, so that one call samples all of them."""

    block: Picture
    """All pictures; the order of axes is the backend's."""
    fine: int = 1
    """Factor by which the pictures are upsampled."""


class Raster(Protocol[Plane, Picture]):
    """The operations that differ between NumPy with OpenCV and torch.

    Coordinates are in px, x first, of pixel centres. Borders are replicated unless stated otherwise. No
    operation starts a thread.
    """

    gains_from_threads: ClassVar[bool]
    """Whether operations of several threads run in parallel; those of a GPU are queued."""

    def upload(self, pixels: Pixels) -> Picture:
        """``pixels`` (H, W, 3) uint8 or uint16 as a picture, copied."""

    def download(self, picture: Picture) -> Pixels:
        """``picture`` as (H, W, 3), in the depth that was uploaded; a copy."""

    def size(self, picture: Picture) -> tuple[int, int]:
        """Height and width."""

    def is_equal(self, left: Picture, right: Picture) -> bool:
        """Whether all samples are equal."""

    def shrunk(self, picture: Picture, height: int, width: int) -> Picture:
        """A picture downsampled by area averaging."""

    # planes

    def grid(self, height: int, width: int) -> tuple[Plane, Plane]:
        """The x and the y of every pixel, float32."""

    def full(self, height: int, width: int, value: float) -> Plane:
        """A float32 plane of one value."""

    def plane(self, values: Array) -> Plane:
        """A NumPy array (H, W) as a float32 plane."""

    def array(self, plane: Plane) -> Array:
        """A plane as a NumPy array (H, W)."""

    def slots(self, height: int, width: int) -> Plane:
        """A uint8 plane of zeros, for ring slots."""

    def floats(self, plane: Plane) -> Plane:
        """Any plane as float32."""

    def rint(self, plane: Plane) -> Plane:
        """Rounded to the nearest whole numbers."""

    def floor(self, plane: Plane) -> Plane:
        """Rounded down to whole numbers."""

    def chosen(self, mask: Plane, yes: Plane | float, no: Plane) -> Plane:
        """``yes`` where ``mask`` is true, else ``no``, which may be overwritten."""

    def clip(self, plane: Plane, low: float, high: float) -> Plane:
        """No value below ``low`` or above ``high``."""

    def sqrt(self, plane: Plane) -> Plane:
        """Square root; 0 for negative values."""

    def mean(self, plane: Plane) -> float:
        """Of a bool plane: the share that is true."""

    def median(self, plane: Plane) -> float:
        """Of a float32 plane."""

    def counts(self, plane: Plane, mask: Plane, slots: int) -> list[int]:
        """How often each value of 0 to slots - 1 occurs in ``plane`` where ``mask`` is true."""

    def pick(self, plane: Plane, x: Plane, y: Plane) -> Plane:
        """The plane's values at whole-number coordinates."""

    def resized(self, plane: Plane, height: int, width: int) -> Plane:
        """A float32 plane at another size: bilinear when larger, area-averaged when smaller."""

    def blurred(self, plane: Plane, sigma: float) -> Plane:
        """Smoothed by a Gaussian of ``sigma`` px."""

    def slope(self, plane: Plane) -> tuple[Plane, Plane]:
        """Derivatives along x and y, per px, by central differences."""

    def calm(self, mask: Plane) -> Plane:
        """A bool mask after a 5x5 median filter."""

    def widened(self, mask: Plane) -> Plane:
        """A bool mask dilated by one pixel (3x3)."""

    # flow

    def view(self, picture: Picture, height: int, width: int, estimator: FlowEstimator) -> View:
        """``picture`` as input of ``estimator``, resized to (height, width)."""

    def motion(
        self, estimator: FlowEstimator, source: View, target: View, guess: tuple[Plane, Plane] | None = None
    ) -> tuple[Plane, Plane]:
        """Motion from ``source`` to ``target``: x and y, float32 planes of the views' size, in px.

        ``guess`` is an initial estimate, for estimators that take one.
        """

    # pictures

    def luminance(self, picture: Picture) -> Plane:
        """Luma, 0 to 1 (BT.601 weights)."""

    def texture(self, picture: Picture, height: int, width: int) -> Plane:
        """The absolute Laplacian of the luma (0 to 1), area-averaged to (height, width)."""

    def difference(self, left: Picture, right: Picture, sigma: float) -> Plane:
        """The largest absolute difference of the channels, 0 to 1, after a Gaussian of ``sigma`` px."""

    def new_ring(self, slots: int, like: Picture, fine: int = 1) -> Ring[Picture]:
        """A ring for ``slots`` pictures like this one; a backend may upsample them ``fine`` times."""

    def put(self, ring: Ring[Picture], slot: int, picture: Picture) -> None:
        """Store a picture, which must not be changed afterwards."""

    def sample(self, ring: Ring[Picture], slot: Plane, x: Plane, y: Plane) -> Picture:
        """The ring's pictures at (x, y) of ``slot``, bilinear."""

    def sharply(self, ring: Ring[Picture], slot: Plane, x: Plane, y: Plane) -> Picture:
        """The ring's pictures at (x, y) of ``slot``, by a kernel that keeps sharpness."""

    def mixed(self, under: Picture, over: Picture, weight: Plane) -> Picture:
        """``under`` + (``over`` - ``under``) x ``weight``, a plane of the pictures' size."""

    def filled(self, picture: Picture, other: Picture, valid: Plane | NDArray[np.bool_]) -> Picture:
        """``picture`` where ``valid`` (a bool plane or NumPy array) is true, else ``other``."""

    def minus(self, left: Picture, right: Picture) -> Picture:
        """``left`` - ``right``, a signed difference."""

    def plus(self, picture: Picture, difference: Picture) -> Picture:
        """``picture`` + ``difference``, clamped; a smaller ``difference`` is upsampled first."""

    def warped(self, picture: Picture, x: Plane, y: Plane) -> Picture:
        """A picture at (x, y), bilinear."""

    def moved(self, difference: Picture, x: Plane, y: Plane) -> Picture:
        """A signed difference at (x, y), bilinear; zero outside."""

    def faded(
        self, difference: Picture, more: Picture | None, weight: Plane, coarse: Plane, sigma: float
    ) -> Picture | None:
        """(difference + more) x weight + low_pass(difference + more) x coarse; None if it is invisible.

        ``coarse`` is a plane of any smaller size and ``sigma`` the low pass's, in its px. Values below the
        visible are set to 0.
        """

    def correction(self, height: int, width: int) -> Picture:
        """A signed difference, float32, of zeros."""

    def coarse(self, left: Picture, right: Picture, height: int, width: int, sigma: float) -> Picture:
        """``left`` - ``right``, float32, area-averaged to (height, width), then smoothed by ``sigma`` px."""

    def softened(self, correction: Picture, least: float) -> Picture:
        """Soft thresholding: a float32 correction moved towards 0 by ``least`` of the range."""

    def stepped(self, correction: Picture, goal: Picture, share: Plane) -> Picture:
        """``correction`` + (``goal`` - ``correction``) x ``share``, float32."""

    def scaled(self, correction: Picture, weight: Plane) -> Picture:
        """A float32 correction times a plane."""


AnyRaster = Raster[Any, Any]
"""A backend of any type of planes and pictures."""
