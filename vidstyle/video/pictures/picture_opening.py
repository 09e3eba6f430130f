"""Opening a picture file with Pillow, with a one-line error for each cause of failure."""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from vidstyle.errors import InputError
from vidstyle.file_suffixes import VIDEOS

LARGEST_PICTURE = 1_000_000_000  # px: larger ones do not fit in memory (decompression bombs)
# what Pillow raises for a damaged file
DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, AttributeError),
    *(RuntimeError, OverflowError, AssertionError, struct.error, zlib.error),
    Image.DecompressionBombError,  # a frame of an animation that claims to be larger than the whole
)
# formats that Pillow identifies without decoding, or decodes with an external program
_NOT_READ = ("MPEG", "EPS", "WMF", "GRIB", "HDF5", "BUFR", "FLI")
_pillow_limit = threading.Lock()
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # of damage that it tolerates


@contextmanager
def opened(
    path: Path, *, purpose: str = "picture", formats: tuple[str, ...] | None = None
) -> Iterator[Image.Image]:
    """Open a picture; Pillow's errors, within the block too, become ``InputError``.

    ``purpose`` is what the picture is for, in messages; ``formats`` are Pillow's, None: all.
    """
    check_picture_file(path, purpose=purpose)
    # as a file object: from a path Pillow 13 maps the file, and transposes a rotated grey TIFF wrongly
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            with no_pillow_limit():
                image = stack.enter_context(Image.open(file, formats=formats))
        except UnidentifiedImageError as error:
            raise InputError(_not_a_picture(path, purpose)) from error
        except DAMAGED as error:
            raise InputError(f"{path} cannot be read as a picture: {error}") from error
        if image.format in _NOT_READ:
            raise InputError(_not_a_picture(path, purpose))
        check_size(path, image.width, image.height)
        with explained(path, image.width, image.height):
            yield image


@contextmanager
def explained(path: Path, width: int, height: int) -> Iterator[None]:
    """Errors of decoding a picture of this size within the block become ``InputError``."""
    try:
        yield
    except MemoryError as error:
        raise InputError(f"{path} ({width}x{height}) does not fit in memory") from error
    except DAMAGED as error:
        raise InputError(f"{path} is damaged or cut off: {error}") from error


def check_picture_file(path: Path, *, purpose: str = "picture") -> None:
    """Raise ``InputError`` unless ``path`` is a file that is not empty."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; a {purpose} is one picture file")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a pipe or device; a {purpose} is read from a file: save it first")
    if not path.is_file():
        raise InputError(f"no {purpose} {path}; give a picture file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; give a picture file")


def check_size(path: Path, width: int, height: int) -> None:
    """Raise ``InputError`` for a picture of more than ``LARGEST_PICTURE`` px."""
    if width * height > LARGEST_PICTURE:
        raise InputError(
            f"{path} has {width}x{height} pixels; "
            f"at most {LARGEST_PICTURE // 1_000_000:,} million can be read: make it smaller"
        )


@contextmanager
def no_pillow_limit() -> Iterator[None]:
    """Lift Pillow's pixel limit, which cameras exceed; ``check_size`` has another."""
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
    if is_video or path.suffix.lower() in VIDEOS:
        return f"{path} is a video; a {purpose} is one picture (JPEG, PNG, WebP …): save one of its frames"
    return f"{path} is not a picture that can be read (JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP …)"
