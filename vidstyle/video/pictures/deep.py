"""Decodes pictures of more than 8 bits a sample, and of floats, with OpenCV: Pillow reads only some."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from vidstyle.errors import InputError
from vidstyle.video.pictures.picture_opening import DAMAGED, check_size, explained

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_UINT, _INT, _FLOAT = 1, 2, 3  # SampleFormat
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5  # PhotometricInterpretation
_WHITES = (255, 65535, 2**31 - 1, 2**32 - 1)


@dataclass(frozen=True, slots=True)
class SampleLayout:
    """Sample format of a picture of more than 8 bits; the size (px) is upright."""

    width: int
    height: int
    has_alpha: bool
    format: str
    white: float | None
    """White level; None: estimate it from the samples."""
    is_negative: bool = False
    """Whether the largest value is black (WhiteIsZero)."""
    profile: bytes | None = None


def layout(path: Path) -> SampleLayout | None:
    """The sample format of ``path`` if ``read_samples`` must decode it; None: Pillow can.

    Raises ``InputError`` for a TIFF that neither decodes correctly.
    """
    with path.open("rb") as file:
        head = file.read(256)
    if head.startswith(_TIFF):
        try:
            return _tiff_layout(path)
        except DAMAGED as error:
            raise InputError(f"{path} is damaged or cut off: {error}") from error
    size = re.match(rb"P[56]\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s+(\d+)\s", head)
    if size is not None and int(size[3]) > 255:
        width, height = int(size[1]), int(size[2])
        check_size(path, width, height)
        return SampleLayout(width, height, has_alpha=False, format="ppm", white=float(size[3]))
    return None


def read_samples(path: Path, sample_layout: SampleLayout, white: float | None = None) -> NDArray[np.uint16]:
    """Upright samples (H, W, C) of grey, RGB or RGBA; ``white`` replaces an estimate of the white level.

    Raises ``InputError`` if they cannot be decoded.
    """
    with explained(path, sample_layout.width, sample_layout.height):
        samples = decoded(path)
    deep = scaled(samples, sample_layout.white or white or white_of(samples))
    return np.uint16(65535) - deep if sample_layout.is_negative else deep


def decoded(path: Path) -> NDArray[np.generic]:
    """The stored samples (H, W, C) in the order red, green, blue, alpha; raises ``InputError``."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)  # errors are raised, not printed
    try:
        read: Any = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        read = None
    finally:
        cv2.utils.logging.setLogLevel(level)
    if read is None:
        raise InputError(f"{path} is damaged or cut off: its samples cannot be read")
    samples = read if read.ndim == 3 else read[..., None]
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[samples.shape[2]]
    return np.ascontiguousarray(samples[..., order])


def white_of(samples: NDArray[np.generic]) -> float:
    """Estimated white level: 1 for floats, unless they hold integers; else the smallest usual one."""
    finite = samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples
    largest = float(finite.max(initial=0))
    if samples.dtype.kind == "f":
        few = finite[:: max(1, finite.size // 1_000_000)]
        has_highlights = np.median(few) <= 1 and bool((few % 1).any())  # HDR, not integers
        if largest <= 1 or has_highlights:
            return 1.0
    return next((float(white) for white in _WHITES if largest <= white), largest)


def scaled(samples: NDArray[np.generic], white: float) -> NDArray[np.uint16]:
    """Samples of any type as 16 bits, with ``white`` at 65535."""
    if samples.dtype == np.uint16 and white == 65535:
        return np.asarray(samples, np.uint16)
    with np.errstate(all="ignore"):  # NaN and infinity
        shares = np.nan_to_num(samples.astype(np.float64) / white, nan=0.0, posinf=1.0, neginf=0.0)
    return np.rint(np.clip(shares, 0.0, 1.0) * 65535).astype(np.uint16)


def _tiff_layout(path: Path) -> SampleLayout | None:
    with path.open("rb") as file:
        head = file.read(8)
        if head[2:3] == b"+" or head[3:4] == b"+":
            head += file.read(8)
        tags = ImageFileDirectory_v2(head)
        file.seek(tags.next)
        tags.load(file)
    width, height = int(tags[256]), int(tags[257])
    channels, photometric = int(tags.get(277, 1)), int(tags.get(262, _BLACK_IS_ZERO))
    bits, kinds = set(_as_tuple(tags.get(258, 1))), set(_as_tuple(tags.get(339, _UINT)))
    if max(bits) <= 8 and kinds == {_UINT}:
        return None
    check_size(path, width, height)
    kind, depth = min(kinds), min(bits)
    # OpenCV 5.0 misreads separate planes, and so does Pillow 13 at 16 bits
    is_packed = tags.get(284, 1) == 1
    is_rgb = photometric == _RGB and channels in (3, 4) and is_packed
    is_grey = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and channels == 1
    stored = (depth, kind)
    if stored == (16, _UINT) and photometric == _CMYK and channels == 4 and is_packed:
        return None  # Pillow reads it as 8 bits
    is_known = stored in ((16, _UINT), (32, _UINT), (32, _INT), (32, _FLOAT), (64, _FLOAT))
    if not (is_rgb or is_grey) or not is_known or len(bits) > 1 or len(kinds) > 1:
        if stored == (12, _UINT) and is_grey:
            return None
        name = {_UINT: "unsigned", _INT: "signed", _FLOAT: "float"}.get(kind, "odd")
        count = f"{channels} {'channel' if channels == 1 else 'channels'}"
        raise InputError(
            f"{path} is a TIFF of {count} of {depth}-bit {name} samples{'' if is_packed else ' in planes'}, "
            "which cannot be read here; save it as RGB or grey with 8 or 16 bits, or as 32-bit float"
        )
    if int(tags.get(274, 1)) >= 5:  # OpenCV rotates it
        width, height = height, width
    return SampleLayout(
        width,
        height,
        has_alpha=channels == 4,
        format="tiff",
        white=65535.0 if stored == (16, _UINT) else None,
        is_negative=photometric == _WHITE_IS_ZERO,
        profile=tags.get(34675),
    )


def _as_tuple(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (int(value),)
