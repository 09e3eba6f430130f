"""Decodes still pictures: upright sRGB of 8 or 16 bits, with separate alpha."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidstyle.frames import Pixels, eight_bits
from vidstyle.video.pictures.deep import decoded, layout, read_samples, scaled, white_of
from vidstyle.video.pictures.picture_opening import check_picture_file, opened
from vidstyle.video.pictures.profiles import deep_to_srgb, to_srgb

Samples = TypeVar("Samples", bound=NDArray[np.generic])

_TAIL = 65536  # bytes at a PNG's end in which an eXIf chunk is searched
_ORIENTATION = 0x0112  # EXIF tag
_GAP = 1.5  # times the target size, down to which area averaging is used; Lanczos below
# modes whose samples can be averaged
_REDUCIBLE = ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")


@dataclass(frozen=True, slots=True)
class Header:
    """Properties of a picture; the size (px) is upright."""

    width: int
    height: int
    bits: int
    has_alpha: bool
    format: str
    white: float | None = None
    """White level estimated from the samples: of floats and 32-bit integers only."""


def read_header(path: Path) -> Header:
    """The properties of the picture ``path``; raises ``InputError`` if it is not a picture."""
    check_picture_file(path)
    stored = layout(path)
    if stored is not None:
        white = white_of(decoded(path)) if stored.white is None else None
        return Header(stored.width, stored.height, 16, stored.has_alpha, stored.format, white)
    with opened(path) as image:
        width, height = image.size
        # getexif() decodes a whole PNG to find an eXIf chunk behind its pixels
        may_have_exif = image.format != "PNG" or "exif" in image.info or _has_late_exif(path)
        if may_have_exif and image.format != "TIFF" and _orientation(image) >= 5:
            width, height = height, width
        kind = str(image.format).lower()
        white = white_of(np.asarray(image)) if image.mode in ("I", "F") else None
        bits = 16 if _is_deep(path, image) else 8
        return Header(width, height, bits, image.has_transparency_data, kind, white)


def read_picture(
    path: Path, *, purpose: str = "picture", white: float | None = None, largest: int | None = None
) -> tuple[Pixels, Pixels | None]:
    """Pixels (H, W, 3) sRGB and alpha (H, W) or None; uint8, or uint16 for more than 8 bits a sample.

    Args:
        path: a file that Pillow or OpenCV can read; of several pictures in it, the first.
        purpose: what the picture is for, in messages.
        white: white level of floats and 32-bit integers; None: estimated; see ``Header.white``.
        largest: px of the long side, to which larger pictures are downsampled; 16 bits then become 8.

    Raises:
        InputError: missing, damaged, larger than ``LARGEST_PICTURE``, or not a picture.
    """
    check_picture_file(path, purpose=purpose)
    stored = layout(path)
    if stored is not None:
        deep = _to_srgb_with_alpha(read_samples(path, stored, white), stored.profile)
        return _split_alpha(deep if largest is None else _fitted(_eight_bit_image(deep), largest))
    with opened(path, purpose=purpose) as image:
        if largest is not None:
            image.draft(None, (largest, largest))  # decodes a JPEG at reduced size
        if _is_deep(path, image):
            deep = _deep_samples(path, image, white)
            samples: NDArray[np.generic] = deep
            if largest is not None:
                samples = _fitted(_eight_bit_image(deep), largest)
        else:
            image.load()
            samples = np.asarray(to_srgb(image)) if largest is None else _small(image, largest)
        # after decoding, as Pillow rotates a TIFF itself and removes the tag
        return _split_alpha(upright(samples, _orientation(image)))


def upright(samples: Samples, orientation: int) -> Samples:
    """``samples`` (H, W, C) rotated and mirrored to upright by EXIF's ``orientation`` (1 to 8)."""
    rotated: Any = samples
    if orientation in (5, 6, 7, 8):
        rotated = rotated.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        rotated = rotated[::-1]
    if orientation in (2, 3, 6, 7):
        rotated = rotated[:, ::-1]
    return cast(Samples, np.ascontiguousarray(rotated))


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 (upright) to 8; 1 if there is none."""
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _has_late_exif(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return b"eXIf" in file.read()


def _is_deep(path: Path, image: Image.Image) -> bool:
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24] == 16  # IHDR's bit depth
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _deep_samples(path: Path, image: Image.Image, white: float | None) -> NDArray[np.uint16]:
    profile = image.info.get("icc_profile")
    if image.format == "PNG":
        samples = decoded(path)
        key = image.info.get("transparency")
        if isinstance(key, int) and samples.shape[2] == 1:  # which OpenCV ignores for grey
            opacity = np.where(samples == key, 0, 65535).astype(np.uint16)
            samples = np.concatenate([np.repeat(samples, 3, axis=2), opacity], axis=2)
        return _to_srgb_with_alpha(scaled(samples, 65535), profile)
    samples = np.asarray(image)[..., None]
    if image.mode in ("I", "F"):
        top = white or white_of(samples)
    else:
        bits = getattr(image, "tag_v2", {}).get(258, 16)
        top = 2.0 ** int(bits[0] if isinstance(bits, tuple) else bits) - 1
    return _to_srgb_with_alpha(scaled(samples.astype(samples.dtype.newbyteorder("=")), top), profile)


def _to_srgb_with_alpha(samples: NDArray[np.uint16], profile: bytes | None) -> NDArray[np.uint16]:
    """16-bit grey, RGB or RGBA with ``profile`` as sRGB, with the same alpha."""
    colors = deep_to_srgb(samples[..., :3], profile)
    return np.concatenate([colors, samples[..., 3:]], axis=2) if samples.shape[2] == 4 else colors


def _eight_bit_image(samples: NDArray[np.uint16]) -> Image.Image:
    return Image.fromarray(eight_bits(samples))


def _small(image: Image.Image, largest: int) -> NDArray[np.uint8]:
    """``image`` in sRGB, no side longer than ``largest`` px; huge ones are reduced before conversion."""
    factor = int(max(image.size) / (_GAP * largest))
    if factor > 1 and image.mode in _REDUCIBLE and "transparency" not in image.info:
        image = image.reduce(factor)
    elif factor > 1 and image.mode == "1":
        image = image.convert("L").reduce(factor)
    return _fitted(to_srgb(image), largest)


def _fitted(image: Image.Image, largest: int) -> NDArray[np.uint8]:
    image.thumbnail((largest, largest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)


def _split_alpha(samples: NDArray[np.generic]) -> tuple[Pixels, Pixels | None]:
    alpha = np.ascontiguousarray(samples[..., 3]) if samples.shape[2] == 4 else None
    return np.ascontiguousarray(samples[..., :3]), alpha
