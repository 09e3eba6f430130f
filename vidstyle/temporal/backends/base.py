"""What the paint map computes with: planes and pictures, on a CPU (OpenCV) or on any torch device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.flow.base import Array, FlowEstimator
from vidstyle.frames import Pixels

Plane = TypeVar("Plane", Array, Tensor)
"""(H, W) float32, bool or uint8; a NumPy array or a torch tensor, as both know +, *, <, &, slices, masks."""

Picture = TypeVar("Picture")
"""A picture, or a signed difference of pictures from -1 to 1: only the raster looks inside."""

View = NDArray[np.uint8] | Tensor
"""A frame as a flow estimator takes it, made once a frame: (H, W) grey levels for a ``GreyEstimator``,
(1, 3, H, W) in [0, 1] for others."""


@dataclass(frozen=True, slots=True, eq=False)
class Ring(Generic[Picture]):
    """Several pictures of one size in one block, so that one call samples all of them."""

    block: Picture
    """All pictures, in an order of axes that the raster chooses."""
    fine: int = 1
    """Pixels kept for one of a picture's, along each side."""


class Raster(Protocol[Plane, Picture]):
    """The operations that differ between NumPy with OpenCV and torch.

    Coordinates are in pixels, x first. Outside a picture its nearest edge is seen. Each operation returns
    when its result may be used; none starts a thread.
    """

    gains_from_threads: ClassVar[bool]
    """Whether operations run beside each other in several threads; a GPU takes them one after the other."""

    def upload(self, pixels: Pixels) -> Picture:
        """(H, W, 3) uint8 or uint16 in this raster's form."""

    def download(self, picture: Picture) -> Pixels:
        """Back to (H, W, 3) in the depth that was uploaded."""

    def size(self, picture: Picture) -> tuple[int, int]:
        """Height and width."""

    def is_equal(self, left: Picture, right: Picture) -> bool:
        """No sample differs."""

    def shrunk(self, picture: Picture, height: int, width: int) -> Picture:
        """A smaller picture, each value the mean of those it stands for."""

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
        """A uint8 plane of zeros."""

    def floats(self, plane: Plane) -> Plane:
        """Any plane as float32."""

    def rint(self, plane: Plane) -> Plane:
        """To the nearest whole numbers."""

    def floor(self, plane: Plane) -> Plane:
        """Down to whole numbers."""

    def chosen(self, mask: Plane, yes: Plane | float, no: Plane) -> Plane:
        """``yes`` where ``mask`` is true, else ``no``, which may be overwritten."""

    def clip(self, plane: Plane, low: float, high: float) -> Plane:
        """No value below ``low`` or above ``high``."""

    def sqrt(self, plane: Plane) -> Plane:
        """The root; of negative rounding errors, 0."""

    def mean(self, plane: Plane) -> float:
        """Of a bool plane: the share that is true."""

    def median(self, plane: Plane) -> float:
        """Of a float32 plane."""

    def counts(self, plane: Plane, mask: Plane, slots: int) -> list[int]:
        """How often each of 0 to slots - 1 stands in ``plane`` where ``mask`` is true."""

    def pick(self, plane: Plane, x: Plane, y: Plane) -> Plane:
        """The plane's values at whole-number coordinates."""

    def resized(self, plane: Plane, height: int, width: int) -> Plane:
        """A float32 plane at another size: bilinear when larger, means when smaller."""

    def blurred(self, plane: Plane, sigma: float) -> Plane:
        """A Gaussian of ``sigma`` px."""

    def slope(self, plane: Plane) -> tuple[Plane, Plane]:
        """Derivatives along x and y, a pixel, from central differences."""

    def calm(self, mask: Plane) -> Plane:
        """A bool mask less its specks: the median of 5x5."""

    def widened(self, mask: Plane) -> Plane:
        """A bool mask grown by one pixel to all sides."""

    # flow

    def view(self, picture: Picture, height: int, width: int, estimator: FlowEstimator) -> View:
        """What ``estimator`` looks at, at this size."""

    def motion(
        self, estimator: FlowEstimator, source: View, target: View, guess: tuple[Plane, Plane] | None = None
    ) -> tuple[Plane, Plane]:
        """Motion in px, x and y, from ``source`` to ``target``, float32 planes of the views' size.

        ``guess`` is the motion of the frame before, for an estimator that can begin with it.
        """

    # pictures

    def luminance(self, picture: Picture) -> Plane:
        """Brightness, 0 to 1."""

    def texture(self, picture: Picture, height: int, width: int) -> Plane:
        """The mean absolute Laplacian of the brightness (0 to 1) around each pixel of a smaller size."""

    def difference(self, left: Picture, right: Picture, sigma: float) -> Plane:
        """The largest absolute difference of the channels, 0 to 1, after a Gaussian of ``sigma`` px."""

    def new_ring(self, slots: int, like: Picture, fine: int = 1) -> Ring[Picture]:
        """Room for ``slots`` pictures, which may be kept ``fine`` times larger to be sampled well."""

    def put(self, ring: Ring[Picture], slot: int, picture: Picture) -> None:
        """Store a picture, which must not be changed from then on."""

    def sample(self, ring: Ring[Picture], slot: Plane, x: Plane, y: Plane) -> Picture:
        """The ring's pictures at (x, y) of ``slot``, bilinear."""

    def sharply(self, ring: Ring[Picture], slot: Plane, x: Plane, y: Plane) -> Picture:
        """The ring's pictures at (x, y) of ``slot``, as sharp as can be."""

    def mixed(self, under: Picture, over: Picture, weight: Plane) -> Picture:
        """``over`` where weight is 1, ``under`` where it is 0."""

    def filled(self, picture: Picture, other: Picture, valid: Plane | NDArray[np.bool_]) -> Picture:
        """``picture`` where ``valid`` (a bool plane or NumPy array) is true, else ``other``."""

    def minus(self, left: Picture, right: Picture) -> Picture:
        """A signed difference of pictures."""

    def plus(self, picture: Picture, difference: Picture) -> Picture:
        """A picture and a signed difference of its size or smaller (then enlarged), clamped."""

    def warped(self, picture: Picture, x: Plane, y: Plane) -> Picture:
        """A picture at (x, y), bilinear; its border goes on outside."""

    def moved(self, difference: Picture, x: Plane, y: Plane) -> Picture:
        """A signed difference at (x, y), bilinear; zero outside."""

    def faded(
        self, difference: Picture, more: Picture | None, weight: Plane, coarse: Plane, sigma: float
    ) -> Picture | None:
        """(difference + more) x weight, and their coarse part (a Gaussian of ``sigma`` px of ``coarse``'s) x
        ``coarse``, a plane of any smaller size; what can no longer be seen is 0, and None if nothing can."""

    def correction(self, height: int, width: int) -> Picture:
        """A signed difference of float32 that is zero everywhere."""

    def coarse(self, left: Picture, right: Picture, height: int, width: int, sigma: float) -> Picture:
        """left - right, float32, averaged to a smaller size and blurred there by ``sigma`` px."""

    def softened(self, correction: Picture, least: float) -> Picture:
        """A float32 correction moved towards 0 by ``least`` of the range, but not beyond."""

    def stepped(self, correction: Picture, goal: Picture, share: Plane) -> Picture:
        """The correction moved towards ``goal`` by ``share``, both float32."""

    def scaled(self, correction: Picture, weight: Plane) -> Picture:
        """A float32 correction times a plane."""


AnyRaster = Raster[Any, Any]
"""A raster whose planes and pictures are passed on, not looked at."""
