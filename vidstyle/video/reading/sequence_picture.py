"""One picture file of a sequence as upright pixels and alpha, and what its header says of it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from vidstyle.errors import InputError
from vidstyle.frames import Pixels
from vidstyle.video.stills import exif_orientation, upright

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"),
    *(".bmp", ".avif", ".tga", ".ppm", ".pgm", ".jp2"),
)

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, RuntimeError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture without decoding it; the size is upright."""

    width: int
    height: int
    bits: int
    has_alpha: bool
    format: str


def read_header(path: Path) -> Header:
    """Raises ``InputError`` for what is no picture."""
    with _opened(path) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        bits = 16 if _is_deep(path, image) else 8
        return Header(width, height, bits, image.has_transparency_data, str(image.format).lower())


def read_still(path: Path) -> tuple[Pixels, Pixels | None]:
    """Pixels (H, W, 3) RGB and alpha (H, W) or None; uint16 for 16-bit PNG and TIFF, else uint8."""
    with _opened(path) as image:
        turn = _orientation(image)
        if _is_deep(path, image):
            return _read_deep(path, turn)
        has_alpha = image.has_transparency_data
        try:
            samples = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
        except _BROKEN as error:
            raise InputError(f"{path} is damaged or cut off: {error}") from error
    samples = upright(samples, turn)
    alpha = np.ascontiguousarray(samples[..., 3]) if has_alpha else None
    return np.ascontiguousarray(samples[..., :3]), alpha


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture that can be read") from error
    except _BROKEN as error:
        raise InputError(f"{path} cannot be read as a picture: {error}") from error


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole picture to look behind it
    return exif_orientation(image)


def _is_deep(path: Path, image: Image.Image) -> bool:
    """Whether the file has 16 bits a sample, which Pillow keeps for grey only."""
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24] == 16  # IHDR's bit depth
    if image.format == "TIFF":
        depths = getattr(image, "tag_v2", {}).get(258, (8,))  # BitsPerSample
        return set(depths if isinstance(depths, tuple) else (depths,)) == {16}
    return image.mode.startswith("I;16")


def _read_deep(path: Path, turn: int) -> tuple[Pixels, Pixels | None]:
    read = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if read is None or read.dtype != np.uint16:
        raise InputError(f"{path} is damaged or cut off: its 16-bit samples cannot be read")
    samples = upright(np.atleast_3d(np.asarray(read, np.uint16)), turn)
    channels = samples.shape[2]
    alpha = np.ascontiguousarray(samples[..., -1]) if channels in (2, 4) else None
    color = samples[..., 2::-1] if channels >= 3 else samples[..., [0, 0, 0]]  # OpenCV's order is BGR
    return np.ascontiguousarray(color), alpha
