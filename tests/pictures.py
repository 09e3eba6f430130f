"""Makers of small odd pictures: TIFF files that no common program writes, and profiles of other colours."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

_TYPES = {"B": 7, "H": 3, "I": 4}
_KINDS = {"u": 1, "i": 2, "f": 3}  # SampleFormat


def write_tiff(
    path: Path,
    samples: NDArray[Any],
    *,
    photometric: int = 2,
    planar: bool = False,
    alpha: bool = False,
    orientation: int = 1,
    big_endian: bool = False,
    profile: bytes = b"",
) -> Path:
    """An uncompressed TIFF of (H, W, C) ``samples`` of any type.

    ``photometric``: 0 black for the largest value, 1 grey, 2 RGB, 5 CMYK. ``planar``: one plane a channel.
    """
    order: Literal["<", ">"] = ">" if big_endian else "<"
    height, width, channels = samples.shape
    stored = samples.astype(samples.dtype.newbyteorder(order))
    planes = [stored[..., channel].tobytes() for channel in range(channels)] if planar else [stored.tobytes()]
    bits = 8 * samples.dtype.itemsize
    fields: list[tuple[int, str, list[int]]] = [
        (256, "I", [width]),
        (257, "I", [height]),
        (258, "H", [bits] * channels),
        (259, "H", [1]),
        (262, "H", [photometric]),
        (273, "I", [0] * len(planes)),
        (274, "H", [orientation]),
        (277, "H", [channels]),
        (278, "I", [height]),
        (279, "I", [len(plane) for plane in planes]),
        (284, "H", [2 if planar else 1]),
        *([(338, "H", [2])] if alpha else []),
        (339, "H", [_KINDS[samples.dtype.kind]] * channels),
        *([(34675, "B", list(profile))] if profile else []),
    ]
    end = 8 + 2 + 12 * len(fields) + 4
    room = end + sum(_length(kind, values) for _, kind, values in fields if _length(kind, values) > 4)
    starts = [room + sum(len(plane) for plane in planes[:index]) for index in range(len(planes))]
    fields = [(tag, kind, starts if tag == 273 else values) for tag, kind, values in fields]
    entries, more = b"", b""
    for tag, kind, values in fields:
        data = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(data) > 4:
            data, more = struct.pack(f"{order}I", end + len(more)), more + data
        entries += struct.pack(f"{order}HHI", tag, _TYPES[kind], len(values)) + data.ljust(4, b"\0")
    head = (b"MM" if big_endian else b"II") + struct.pack(f"{order}HI", 42, 8)
    directory = struct.pack(f"{order}H", len(fields)) + entries + bytes(4)
    path.write_bytes(head + directory + more + b"".join(planes))
    return path


def _length(kind: str, values: list[int]) -> int:
    return len(values) * struct.calcsize(kind)


def wide_profile() -> bytes:
    """An ICC profile of colours wider than sRGB's, with a gamma of 2.2: matrix and curves (ICC.1, 8.3)."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(78)
    tags = {  # colorants of Adobe RGB, adapted to D50
        b"desc": text + bytes(-len(text) % 4),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    head = (
        struct.pack(">I", start + len(body)) + b"lcms\2\x10\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    )
    return (head + xyz(0.9642, 1.0, 0.8249)[8:]).ljust(128, b"\0") + table + body
