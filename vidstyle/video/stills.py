"""Reading and writing still pictures: upright, sRGB, 8 or 16 bits, with transparency."""

from __future__ import annotations

import io
import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from vidstyle.atomic_write import check_overwrite, write_atomically, writing
from vidstyle.errors import OutputError
from vidstyle.file_suffixes import WRITABLE_PICTURES
from vidstyle.frames import Frame, Pixels, eight_bits
from vidstyle.options import LARGEST_STYLE
from vidstyle.video.pictures.animated import is_moving
from vidstyle.video.pictures.picture_decoder import read_picture

log = logging.getLogger(__name__)


def load_image(path: str | Path, *, largest: int | None = None) -> Frame:
    """A still picture as a frame: upright, sRGB, of 8 or 16 bits, with separate alpha.

    ``largest`` is the long side, px, to which larger pictures are downsampled, in 8 bits.

    Raises ``InputError`` if it is missing, damaged, too large or not a picture.
    """
    pixels, alpha = read_picture(Path(path), largest=largest)
    if is_moving(Path(path)):
        log.warning("%s is animated; its first picture is taken (vidstyle run takes all of them)", path)
    return Frame(pixels, Fraction(0), Fraction(1, 25), alpha)


def load_style(path: str | Path) -> Pixels:
    """A picture as a style: (H, W, 3) uint8 sRGB, upright, over white, at most ``LARGEST_STYLE`` px.

    Raises ``InputError`` if it cannot be read or is a video.
    """
    path = Path(path)
    pixels, alpha = read_picture(path, purpose="style", largest=LARGEST_STYLE)
    if is_moving(path):
        log.warning("%s is animated; its first picture is the style", path)
    return _over_white(pixels, alpha)


def check_picture_target(target: Path, overwrite: bool) -> None:
    """Raise ``OutputError`` if a picture cannot be written to ``target``."""
    if target.suffix.lower() not in WRITABLE_PICTURES:
        raise OutputError(
            f"cannot write a picture as {target.name!r}; use one of {', '.join(WRITABLE_PICTURES)}"
        )
    if not target.parent.is_dir():
        raise OutputError(
            f"the folder {target.parent} does not exist; make it first, or choose another output"
        )
    if target.is_dir():
        raise OutputError(f"{target} is a folder; give the name of a file")
    check_overwrite(target, overwrite=overwrite)


def save_image(path: str | Path, frame: Frame) -> None:
    """Write a frame in the format of the extension, atomically, over any existing file.

    PNG and TIFF keep 16 bits; for formats without alpha it is composited over white. Raises ``OutputError``.
    """
    path = Path(path)
    check_picture_target(path, overwrite=True)
    with writing(path):
        write_atomically(path, _encode(frame, path.suffix.lower()))


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
    """``pixels`` (H, W, 3) uint8 composited over white by ``alpha`` (H, W)."""
    if alpha is None:
        return pixels
    layered = Image.fromarray(np.dstack([pixels, alpha]))
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return np.array(Image.alpha_composite(white, layered).convert("RGB"))
