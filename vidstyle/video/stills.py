"""Still pictures from and to files: upright, in sRGB, 16 bits and transparency kept."""

from __future__ import annotations

import io
import logging
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from vidstyle.atomic_write import check_overwrite, write_atomically
from vidstyle.errors import InputError, OutputError
from vidstyle.frames import Frame, Pixels
from vidstyle.options import LARGEST_STYLE

log = logging.getLogger(__name__)

LARGEST_PICTURE = 1_000_000_000  # px; larger is a mistake or an attack, and would not fit in memory
WRITABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif")

Samples = TypeVar("Samples", bound=np.ndarray[Any, Any])

_VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg",
                   ".flv", ".wmv", ".ogv", ".mxf", ".3gp", ".vob", ".y4m")  # fmt: skip
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
)  # what Pillow raises
_pillow_limit = threading.Lock()


def load_image(path: str | Path) -> Frame:
    """A still picture as a frame: turned upright by its EXIF, in sRGB, 16 bits kept, alpha beside the pixels.

    Raises ``InputError`` for what is missing, truncated, larger than ``LARGEST_PICTURE`` or not a picture.
    """
    path = Path(path)
    with _opened(path, purpose="picture") as image:
        deep = _load_16_bit(path, image)
        if deep is not None:
            return deep
        has_alpha = image.has_transparency_data
        samples = np.asarray(_to_srgb(image, "RGBA" if has_alpha else "RGB"))
        samples = upright(samples, exif_orientation(image))
    alpha = np.ascontiguousarray(samples[..., 3]) if has_alpha else None
    return Frame(np.ascontiguousarray(samples[..., :3]), Fraction(0), Fraction(1, 25), alpha)


def load_style(path: str | Path) -> Pixels:
    """Any picture as a style: (H, W, 3) uint8, upright, alpha over white, at most ``LARGEST_STYLE``.

    Raises ``InputError`` for what cannot be read, and for a clip.
    """
    path = Path(path)
    with _opened(path, purpose="style") as image:
        if getattr(image, "is_animated", False) and image.format in ("GIF", "PNG", "WEBP"):
            log.warning("%s is animated; its first picture is the style", path)
        turn = exif_orientation(image)
        image.draft(None, (LARGEST_STYLE, LARGEST_STYLE))  # a large JPEG is decoded small
        plain = _to_srgb(image, "RGBA" if image.has_transparency_data else "RGB")
        plain.thumbnail((LARGEST_STYLE, LARGEST_STYLE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return upright(_over_white(plain), turn)


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


@contextmanager
def _opened(path: Path, *, purpose: str) -> Iterator[Image.Image]:
    """Open a picture; each way in which it can be broken becomes one line, also while the block decodes."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; a {purpose} is one picture file")
    if not path.is_file():
        raise InputError(f"no {purpose} {path}; give a picture file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; give a picture file")
    try:
        with _no_pillow_limit():
            image = Image.open(path)
    except UnidentifiedImageError as error:
        raise InputError(_not_a_picture(path, purpose)) from error
    except _BROKEN as error:
        raise InputError(f"{path} cannot be read as a picture: {error}") from error
    with image:
        if image.width * image.height > LARGEST_PICTURE:
            raise InputError(
                f"{path} has {image.width}x{image.height} pixels; "
                f"at most {LARGEST_PICTURE // 1_000_000:,} million can be read: make it smaller"
            )
        try:
            yield image
        except MemoryError as error:
            raise InputError(f"{path} ({image.width}x{image.height}) does not fit in memory") from error
        except _BROKEN as error:
            raise InputError(f"{path} is damaged or cut off: {error}") from error


@contextmanager
def _no_pillow_limit() -> Iterator[None]:
    """Lift Pillow's limit on pixels, which fails at sizes that cameras reach; ours is checked."""
    with _pillow_limit:
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _not_a_picture(path: Path, purpose: str) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    is_box, brand = head[4:8] == b"ftyp", head[8:12]
    if is_box and brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return f"{path} is a HEIC picture, which cannot be read here; save it as JPEG or PNG"
    is_video = is_box or head[:4] == b"\x1a\x45\xdf\xa3" or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
    if is_video or path.suffix.lower() in _VIDEO_SUFFIXES:
        return f"{path} is a video; a {purpose} is one picture (JPEG, PNG, WebP …): save one of its frames"
    return f"{path} is not a picture that can be read (JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP …)"


def _to_srgb(image: Image.Image, mode: str) -> Image.Image:
    """``image`` as 8-bit ``mode`` (RGB or RGBA), its embedded colour profile applied."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_deep_grey(image)).convert(mode)
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L") and mode == "RGB":
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if turned is not None:
                return turned
        except (ImageCms.PyCMSError, OSError) as error:
            log.debug("left out a colour profile that cannot be used: %s", error)
    return image.convert(mode)


def _deep_grey(image: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Greyscale of 16 or 32 bits, or float, as 8 bits: by the range that its largest value asks for."""
    samples = np.nan_to_num(np.asarray(image, np.float64), posinf=0.0, neginf=0.0)
    largest = float(samples.max(initial=0.0))
    full = (
        65535.0 if image.mode.startswith("I;16") else 1.0 if image.mode == "F" and largest <= 1.0 else 255.0
    )
    if largest > full:
        full = 65535.0 if largest <= 65535.0 else largest
    return np.rint(np.clip(samples / full, 0.0, 1.0) * 255.0).astype(np.uint8)


def _over_white(image: Image.Image) -> Pixels:
    if not image.has_transparency_data:
        return np.array(_to_srgb(image, "RGB"))
    layered = _to_srgb(image, "RGBA")
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return np.array(Image.alpha_composite(white, layered).convert("RGB"))


def exif_orientation(image: Image.Image) -> int:
    """1 (upright) to 8, as EXIF counts the ways to hold a camera."""
    return int(image.getexif().get(0x0112, 1))


def upright(samples: Samples, orientation: int) -> Samples:
    """(H, W, C) turned upright as EXIF's ``orientation`` says; Pillow turns no 16-bit RGB."""
    turned: Any = samples
    if orientation in (5, 6, 7, 8):
        turned = turned.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return cast(Samples, np.ascontiguousarray(turned))


def _load_16_bit(path: Path, image: Image.Image) -> Frame | None:
    """A 16-bit picture through OpenCV, or None if this is none: Pillow holds no 16-bit RGB."""
    if not _is_16_bit(path, image):
        return None
    samples = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None:
        raise InputError(f"{path} is damaged or cut off: its 16-bit samples cannot be read")
    if samples.dtype != np.uint16:
        return None
    deep = np.asarray(samples, np.uint16).reshape(samples.shape[0], samples.shape[1], -1)
    deep = upright(deep, exif_orientation(image))
    has_alpha = deep.shape[2] in (2, 4)
    color = deep[..., 2::-1] if deep.shape[2] >= 3 else deep[..., [0, 0, 0]]  # OpenCV's order is BGR
    alpha = np.ascontiguousarray(deep[..., -1]) if has_alpha else None
    return Frame(np.ascontiguousarray(color), Fraction(0), Fraction(1, 25), alpha)


def _is_16_bit(path: Path, image: Image.Image) -> bool:
    if image.format == "PNG":
        with path.open("rb") as file:
            head = file.read(25)
        return head[24] == 16  # IHDR's bit depth
    if image.format == "TIFF":
        depths = getattr(image, "tag_v2", {}).get(258, (8,))  # BitsPerSample
        return set(depths if isinstance(depths, tuple) else (depths,)) == {16}
    return False


def _encode(frame: Frame, suffix: str) -> bytes:
    holds_alpha = suffix in (".png", ".webp", ".tif", ".tiff", ".avif")
    if frame.bits == 16 and suffix in (".png", ".tif", ".tiff"):
        return _encode_16_bit(frame, suffix)
    pixels = frame.pixels if frame.bits == 8 else _to_8_bit(frame.pixels)
    image = Image.fromarray(pixels)
    if frame.alpha is not None:
        image.putalpha(Image.fromarray(frame.alpha if frame.bits == 8 else _to_8_bit(frame.alpha)))
        if not holds_alpha:
            log.warning("%s holds no transparency; the picture is shown over white", suffix)
            image = Image.fromarray(_over_white(image))
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


def _to_8_bit(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
