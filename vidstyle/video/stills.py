"""Still pictures from and to files: upright, in sRGB, 16 bits and transparency kept."""

from __future__ import annotations

import io
import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from vidstyle.atomic_write import check_overwrite, write_atomically
from vidstyle.errors import OutputError
from vidstyle.frames import Frame, Pixels, eight_bits
from vidstyle.options import LARGEST_STYLE
from vidstyle.video.pictures.animated import is_moving
from vidstyle.video.pictures.picture_decoder import read_picture

log = logging.getLogger(__name__)

WRITABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif")


def load_image(path: str | Path, *, largest: int | None = None) -> Frame:
    """A still picture as a frame: turned upright by its EXIF, in sRGB, 16 bits kept, alpha beside the pixels.

    ``largest``: px of the longer side, to which more is made smaller, in 8 bits.

    Raises ``InputError`` for what is missing, damaged, too large or not a picture.
    """
    pixels, alpha = read_picture(Path(path), largest=largest)
    if is_moving(Path(path)):
        log.warning("%s is animated; its first picture is taken (vidstyle run takes all of them)", path)
    return Frame(pixels, Fraction(0), Fraction(1, 25), alpha)


def load_style(path: str | Path) -> Pixels:
    """Any picture as a style: (H, W, 3) uint8, upright, alpha over white, at most ``LARGEST_STYLE``.

    Raises ``InputError`` for what cannot be read, and for a clip.
    """
    path = Path(path)
    pixels, alpha = read_picture(path, purpose="style", largest=LARGEST_STYLE)
    if is_moving(path):
        log.warning("%s is animated; its first picture is the style", path)
    return _over_white(pixels, alpha)


def check_picture_target(target: Path, overwrite: bool) -> None:
    """Raise ``OutputError`` if a picture cannot be written to ``target``, before it is painted."""
    if target.suffix.lower() not in WRITABLE:
        raise OutputError(f"cannot write a picture as {target.name!r}; use one of {', '.join(WRITABLE)}")
    if not target.parent.is_dir():
        raise OutputError(
            f"the folder {target.parent} does not exist; make it first, or choose another output"
        )
    if target.is_dir():
        raise OutputError(f"{target} is a folder; give the name of a file")
    check_overwrite(target, overwrite=overwrite)


def save_image(path: str | Path, frame: Frame) -> None:
    """Write a frame's picture in the format of the extension; the file appears only once it is whole.

    PNG and TIFF keep 16 bits; formats without alpha show it over white. Raises ``OutputError``.
    """
    path = Path(path)
    check_picture_target(path, overwrite=True)
    try:
        write_atomically(path, _encode(frame, path.suffix.lower()))
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _encode(frame: Frame, suffix: str) -> bytes:
    holds_alpha = suffix in (".png", ".webp", ".tif", ".tiff", ".avif")
    if frame.bits == 16 and suffix in (".png", ".tif", ".tiff"):
        return _encode_16_bit(frame, suffix)
    image = Image.fromarray(eight_bits(frame.pixels))
    if frame.alpha is not None and holds_alpha:
        image.putalpha(Image.fromarray(eight_bits(frame.alpha)))
    elif frame.alpha is not None:
        log.warning("%s holds no transparency; the picture is shown over white", suffix)
        image = Image.fromarray(_over_white(eight_bits(frame.pixels), eight_bits(frame.alpha)))
    settings: dict[str, Any] = {
        ".jpg": {"quality": 95, "subsampling": 0},
        ".jpeg": {"quality": 95, "subsampling": 0},
        ".webp": {"quality": 95},
        ".avif": {"quality": 90},
    }.get(suffix, {})
    buffer = io.BytesIO()
    image.save(buffer, Image.registered_extensions()[suffix], **settings)
    return buffer.getvalue()


def _encode_16_bit(frame: Frame, suffix: str) -> bytes:
    planes = [frame.pixels[..., ::-1]] + ([frame.alpha[..., None]] if frame.alpha is not None else [])
    done, data = cv2.imencode(suffix, np.ascontiguousarray(np.concatenate(planes, axis=2)))
    if not done:
        raise OutputError(f"OpenCV could not encode a {frame.width}x{frame.height} picture as {suffix}")
    return data.tobytes()


def _over_white(pixels: Pixels, alpha: Pixels | None) -> Pixels:
    """Pixels (H, W, 3) of 8 bits, with white behind what is clear."""
    if alpha is None:
        return pixels
    layered = Image.fromarray(np.dstack([pixels, alpha]))
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return np.array(Image.alpha_composite(white, layered).convert("RGB"))
