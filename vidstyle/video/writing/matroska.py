"""The pixel aspect ratio of a Matroska or WebM file, which cannot be passed to the muxer through PyAV.

Elements and their numbers: RFC 9559 (Matroska) and RFC 8794 (EBML).
"""

from __future__ import annotations

import zlib
from fractions import Fraction
from pathlib import Path

from vidstyle.errors import OutputError
from vidstyle.video.ebml import SEGMENT, TRACK, TRACKS, VIDEO, Element, elements

_SEEK_HEAD, _VOID, _INFO, _CRC = 0x114D9B74, 0xEC, 0x1549A966, 0xBF
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = b"\x54\xb0", b"\x54\xba", b"\x54\xb2"
_BY_RATIO = 3  # DisplayUnit: the display size is an aspect ratio
_HEAD = 1 << 20  # bytes at the start of the file, which include the tracks


def set_display_ratio(path: Path, ratio: Fraction) -> None:
    """Write the display aspect ratio (width / height) into a file from FFmpeg's muxer.

    The tracks grow; the Void element that the muxer leaves after the first index shrinks by as much, so that
    nothing after the tracks moves.
    """
    with path.open("rb+") as file:
        data = file.read(_HEAD)
        segment = next(item for item in elements(data, 0, len(data)) if item.kind == SEGMENT)
        parts: dict[int, Element] = {}
        for item in elements(data, segment.begin, len(data)):
            parts.setdefault(item.kind, item)
            if item.kind == TRACKS:
                break
        if not {_SEEK_HEAD, _VOID, _INFO, TRACKS} <= parts.keys():
            raise OutputError(f"{path.name}: the shape of its pixels cannot be written; try .mp4")
        head, void, tracks = parts[_SEEK_HEAD], parts[_VOID], parts[TRACKS]
        grown = _with_ratio(data, tracks, ratio)
        shift = len(grown) - (tracks.end - tracks.start)
        rest = void.end - void.start - shift
        moved = {kind: parts[kind].start - segment.begin for kind in (_INFO, TRACKS)}
        file.seek(head.start)
        file.write(_with_positions(data, head, moved, shift))
        file.write(data[head.end : void.start])
        file.write(_element(_VOID, bytes(rest - 9), length_bytes=8))
        file.write(data[void.end : tracks.start])
        file.write(grown)


def _element(kind: int, content: bytes, *, length_bytes: int = 4) -> bytes:
    number = kind.to_bytes((kind.bit_length() + 7) // 8, "big")
    length = (len(content) | 1 << 7 * length_bytes).to_bytes(length_bytes, "big")
    return number + length + content


def _with_ratio(data: bytes, tracks: Element, ratio: Fraction) -> bytes:
    """The Tracks element with the display aspect ratio in the video track."""
    content = b""
    for track in elements(data, tracks.begin, tracks.end):
        if track.kind != TRACK:  # a checksum, which is computed again
            continue
        fields = b""
        for field in elements(data, track.begin, track.end):
            if field.kind == VIDEO:
                fields += _element(VIDEO, data[field.begin : field.end] + _display(ratio))
            else:
                fields += data[field.start : field.end]
        content += _element(TRACK, fields)
    return _element(TRACKS, _checked(data, tracks, content))


def _display(ratio: Fraction) -> bytes:
    def number(name: bytes, value: int) -> bytes:
        return name + b"\x84" + value.to_bytes(4, "big")

    return (
        number(_DISPLAY_WIDTH, ratio.numerator)
        + number(_DISPLAY_HEIGHT, ratio.denominator)
        + (_DISPLAY_UNIT + b"\x81" + bytes([_BY_RATIO]))
    )


def _with_positions(data: bytes, head: Element, moved: dict[int, int], shift: int) -> bytes:
    """The index with new positions of the ``moved`` elements (by ID); its size does not change."""
    content = b""
    for entry in elements(data, head.begin, head.end):
        if entry.kind != _SEEK:
            continue
        fields = {item.kind: item for item in elements(data, entry.begin, entry.end)}
        name, where = fields[_SEEK_ID], fields[_SEEK_POSITION]
        position = int.from_bytes(data[where.begin : where.end], "big")
        if moved.get(int.from_bytes(data[name.begin : name.end], "big")) == position:
            position -= shift
        width = where.end - where.begin
        content += data[entry.start : where.begin] + position.to_bytes(width, "big")
    return data[head.start : head.begin] + _checked(data, head, content)


def _checked(data: bytes, item: Element, content: bytes) -> bytes:
    """``content`` after its checksum, if ``item`` had one."""
    first = next(elements(data, item.begin, item.end))
    if first.kind != _CRC:
        return content
    return b"\xbf\x84" + zlib.crc32(content).to_bytes(4, "little") + content
