"""Parsing the elements of a Matroska or WebM file (EBML, RFC 8794)."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

SEGMENT, TRACKS, TRACK, VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0


@dataclass(frozen=True, slots=True)
class Element:
    """The position of one element in the file, in bytes."""

    kind: int
    """Its ID."""
    start: int
    """Where its ID begins."""
    begin: int
    """Where its content begins, after ID and size."""
    end: int


def elements(data: bytes | mmap.mmap, position: int, end: int) -> Iterator[Element]:
    """Yield the elements between ``position`` and ``end``; one of unknown size ends at ``end``.

    Stops early at damaged data.
    """
    end = min(end, len(data))
    while position < end:
        width = number_width(data[position])
        begin = position + width
        if width > 4 or begin >= end:
            return
        kind = int.from_bytes(data[position:begin], "big")
        width = number_width(data[begin])
        if width > 8 or begin + width > end:
            return
        largest = (1 << 7 * width) - 1
        size = int.from_bytes(data[begin : begin + width], "big") & largest
        begin += width
        yield Element(kind, position, begin, end if size == largest else begin + size)
        position = begin + size if size != largest else end


def number_width(first: int) -> int:
    """Length in bytes of a variable-size integer with ``first`` as its first byte: its leading zeros + 1."""
    return 9 - first.bit_length()
