"""Checksums of decoded pictures, by which two readings of one file are compared."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import av
import numpy as np

from vidstyle.frames import Pixels

_STEP = 8  # rows from one that counts to the next


def checksum_of(picture: av.VideoFrame | Pixels) -> int:
    """A checksum of rows of a picture, as it was decoded: not shrunk or converted."""
    if isinstance(picture, np.ndarray):
        return zlib.crc32(np.ascontiguousarray(picture[::_STEP]).tobytes())
    plane = picture.planes[0]
    if plane.line_size <= 0:  # upside down
        return 0
    rows = np.frombuffer(memoryview(plane), np.uint8)
    rows = rows[: len(rows) // plane.line_size * plane.line_size].reshape(-1, plane.line_size)
    width = plane.width * (picture.format.components[0].bits + 7) // 8  # bytes; what follows is not set
    return zlib.crc32(np.ascontiguousarray(rows[: plane.height : _STEP, :width]).tobytes())


def joint_checksum(checksums: Sequence[int]) -> int:
    """One checksum of those of several pictures in a row."""
    return zlib.crc32(np.asarray(checksums, np.uint32).tobytes())
