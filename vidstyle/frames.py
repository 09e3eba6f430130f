"""A frame, and what is known of a video before its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture and when it is shown."""

    pixels: Pixels
    """(H, W, 3) uint8 or uint16 RGB, full range, upright."""
    time: Fraction = Fraction(0)
    """Seconds since the start of the selected part."""
    duration: Fraction = Fraction(1, 25)
    """Seconds until the next picture is due."""
    alpha: Pixels | None = None
    """(H, W), same depth as the pixels; straight, not premultiplied; carried along, never painted."""

    def __post_init__(self) -> None:
        check_pixels(self.pixels)
        if self.alpha is not None and (
            self.alpha.shape != self.pixels.shape[:2] or self.alpha.dtype != self.pixels.dtype
        ):
            raise ValueError(
                f"alpha must be {self.pixels.shape[:2]} {self.pixels.dtype}, "
                f"got {self.alpha.shape} {self.alpha.dtype}"
            )

    def __repr__(self) -> str:
        alpha = ", alpha" if self.alpha is not None else ""
        picture = f"{self.pixels.shape} {self.pixels.dtype}{alpha}"
        return f"Frame({picture}, time={self.time}, duration={self.duration})"

    def _repr_png_(self) -> bytes:
        """The picture, for notebooks; in 8 bits."""
        samples = eight_bits(self.pixels)[..., ::-1]
        if self.alpha is not None:
            samples = np.dstack([samples, eight_bits(self.alpha)])
        return bytes(cv2.imencode(".png", samples)[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def bits(self) -> int:
        """Bits of each stored sample: 8 or 16."""
        return 8 * self.pixels.dtype.itemsize


@dataclass(frozen=True, slots=True)
class ColorTags:
    """How a file's samples encode colours, in code points of H.273 (as FFmpeg's); 2 is "unspecified"."""

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full_range: bool = False


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video before its first frame. Sizes are upright: rotation is already applied."""

    path: Path
    width: int
    height: int
    bits: int = 8
    """Bits of the source's samples (8, 10, 12 …); frames are uint8 for 8, uint16 above."""
    samples: str = ""
    """FFmpeg's name of the pixel format of a video file: yuv420p, yuv444p10le …"""
    has_alpha: bool = False
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel over its height, upright."""
    rate: Fraction | None = None
    """Mean frames a second, for progress and codecs; times come from the frames."""
    time_base: Fraction | None = None
    """The source's own tick in seconds; a writer that uses it keeps times exact."""
    duration: Fraction | None = None
    """Estimated seconds of the selected part; for progress only."""
    frames: int | None = None
    """Estimated frames of the selected part; for progress only."""
    start: Fraction = Fraction(0)
    """The source's own time (s, absolute, as its container counts) that corresponds to frame time 0."""
    origin: Fraction = Fraction(0)
    """The source's own time (s) from which the options ``start`` and ``end`` count."""
    color: ColorTags = ColorTags()
    """What a result should be tagged with (after tone mapping, SDR)."""
    codec: str = ""
    container: str = ""
    is_still_sequence: bool = False
    """A folder or pattern of pictures, or an animated picture: no sound to carry over."""
    tags: tuple[tuple[str, str], ...] = ()
    plays: int = 0
    """How often an animated picture is shown before it stops; 0 is for ever."""


def check_pixels(pixels: object) -> None:
    """Raise ``ValueError`` unless ``pixels`` is (H, W, 3) uint8 or uint16."""
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.ndim != 3
        or pixels.shape[2] != 3
        or pixels.dtype not in (np.uint8, np.uint16)
    ):
        got = f"{pixels.shape} {pixels.dtype}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise ValueError(f"pixels must be (H, W, 3) uint8 or uint16 RGB, got {got}")


def eight_bits(samples: Pixels) -> NDArray[np.uint8]:
    """``samples`` as uint8; 16-bit ones are divided by 257 and rounded, so that white stays white."""
    if samples.dtype == np.uint8:
        return np.asarray(samples, np.uint8)
    return np.asarray(cv2.convertScaleAbs(samples, alpha=1 / 257).reshape(samples.shape), np.uint8)


def sixteen_bits(samples: Pixels) -> NDArray[np.uint16]:
    """``samples`` as uint16; 8-bit ones are multiplied by 257; ``eight_bits`` inverts it exactly."""
    return (
        np.asarray(samples, np.uint16)
        if samples.dtype == np.uint16
        else samples.astype(np.uint16) * np.uint16(257)
    )


def fitted(samples: Pixels, like: Pixels) -> Pixels:
    """``samples`` (H, W) or (H, W, 3) converted to the size and depth of ``like``."""
    if samples.dtype != like.dtype:
        samples = sixteen_bits(samples) if like.dtype == np.uint16 else eight_bits(samples)
    height, width = like.shape[:2]
    if samples.shape[:2] == (height, width):
        return samples
    interpolation = cv2.INTER_AREA if height < samples.shape[0] else cv2.INTER_CUBIC
    return cast("Pixels", cv2.resize(samples, (width, height), interpolation=interpolation))
