"""The shape of pixels in a Matroska or WebM file, which PyAV's streams cannot tell the muxer.

Elements and their numbers: RFC 9559 (Matroska) and RFC 8794 (EBML).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidstyle.errors import OutputError

_SEGMENT, _SEEK_HEAD, _VOID, _INFO, _TRACKS = 0x18538067, 0x114D9B74, 0xEC, 0x1549A966, 0x1654AE6B
_TRACK, _VIDEO, _CRC = 0xAE, 0xE0, 0xBF
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = b"\x54\xb0", b"\x54\xba", b"\x54\xb2"
_BY_RATIO = 3  # the unit of a display size that is a mere ratio
_HEAD = 1 << 20  # bytes that hold all up to the tracks


def set_display_ratio(path: Path, ratio: Fraction) -> None:
    """Write width over height of the picture on a screen into a file that FFmpeg's muxer made.

    The muxer leaves room (a Void) behind the first index, which takes up what the tracks grow by, so that
    nothing behind them moves.
    """
    with path.open("rb+") as file:
        data = file.read(_HEAD)
        segment = next(item for item in _elements(data, 0, len(data)) if item.kind == _SEGMENT)
        parts: dict[int, _Item] = {}
        for item in _elements(data, segment.begin, len(data)):
            parts.setdefault(item.kind, item)
            if item.kind == _TRACKS:
                break
        if not {_SEEK_HEAD, _VOID, _INFO, _TRACKS} <= parts.keys():
            raise OutputError(f"{path.name}: the shape of its pixels cannot be written; try .mp4")
        head, void, tracks = parts[_SEEK_HEAD], parts[_VOID], parts[_TRACKS]
        grown = _with_ratio(data, tracks, ratio)
        shift = len(grown) - (tracks.end - tracks.start)
        rest = void.end - void.start - shift
        moved = {kind: parts[kind].start - segment.begin for kind in (_INFO, _TRACKS)}
        file.seek(head.start)
        file.write(_with_positions(data, head, moved, shift))
        file.write(data[head.end : void.start])
        file.write(_element(_VOID, bytes(rest - 9), length_bytes=8))
        file.write(data[void.end : tracks.start])
        file.write(grown)


@dataclass(frozen=True, slots=True)
class _Item:
    kind: int
    start: int
    """Where its number stands."""
    begin: int
    """Where its content begins."""
    end: int


def _elements(data: bytes, position: int, end: int) -> Iterator[_Item]:
    while position < end:
        width = _width(data[position])
        kind = int.from_bytes(data[position : position + width], "big")
        begin = position + width
        width = _width(data[begin])
        size = int.from_bytes(data[begin : begin + width], "big") & ((1 << 7 * width) - 1)
        begin += width
        yield _Item(kind, position, begin, begin + size)
        position = begin + size


def _width(first: int) -> int:
    """Bytes of a number that begins with the byte ``first``: one more than its leading zeros."""
    return 9 - first.bit_length()


def _element(kind: int, content: bytes, *, length_bytes: int = 4) -> bytes:
    number = kind.to_bytes((kind.bit_length() + 7) // 8, "big")
    length = (len(content) | 1 << 7 * length_bytes).to_bytes(length_bytes, "big")
    return number + length + content


def _with_ratio(data: bytes, tracks: _Item, ratio: Fraction) -> bytes:
    """The tracks with a display size in the one that has pictures."""
    content = b""
    for track in _elements(data, tracks.begin, tracks.end):
        if track.kind != _TRACK:  # a checksum is written anew
            continue
        fields = b""
        for field in _elements(data, track.begin, track.end):
            if field.kind == _VIDEO:
                fields += _element(_VIDEO, data[field.begin : field.end] + _display(ratio))
            else:
                fields += data[field.start : field.end]
        content += _element(_TRACK, fields)
    return _element(_TRACKS, _checked(data, tracks, content))


def _display(ratio: Fraction) -> bytes:
    def number(name: bytes, value: int) -> bytes:
        return name + b"\x84" + value.to_bytes(4, "big")

    return (
        number(_DISPLAY_WIDTH, ratio.numerator)
        + number(_DISPLAY_HEIGHT, ratio.denominator)
        + (_DISPLAY_UNIT + b"\x81" + bytes([_BY_RATIO]))
    )


def _with_positions(data: bytes, head: _Item, moved: dict[int, int], shift: int) -> bytes:
    """The index with the positions of moved parts put right, as long as before."""
    content = b""
    for entry in _elements(data, head.begin, head.end):
        if entry.kind != _SEEK:
            continue
        found = {item.kind: item for item in _elements(data, entry.begin, entry.end)}
        name, where = found[_SEEK_ID], found[_SEEK_POSITION]
        position = int.from_bytes(data[where.begin : where.end], "big")
        if moved.get(int.from_bytes(data[name.begin : name.end], "big")) == position:
            position -= shift
        width = where.end - where.begin
        content += data[entry.start : where.begin] + position.to_bytes(width, "big")
    return data[head.start : head.begin] + _checked(data, head, content)


def _checked(data: bytes, item: _Item, content: bytes) -> bytes:
    """Content with a checksum before it, if the item had one."""
    first = next(_elements(data, item.begin, item.end))
    if first.kind != _CRC:
        return content
    return b"\xbf\x84" + zlib.crc32(content).to_bytes(4, "little") + content
