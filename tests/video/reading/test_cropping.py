"""Matroska files that say what is to be cut off their pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from clips import shapes, write_clip

from vidstyle.frames import Pixels
from vidstyle.video.ebml import SEGMENT, TRACK, TRACKS, VIDEO, Element, elements
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.matroska import set_display_ratio

_SEEK_HEAD, _CUES, _VOID = 0x114D9B74, 0x1C53BB6B, 0xEC


def with_crop(path: Path, *, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> Path:
    """Write the flags into the file; its indices, which would be wrong then, become voids."""
    sides = {b"\x54\xbb": top, b"\x54\xaa": bottom, b"\x54\xcc": left, b"\x54\xdd": right}
    flags = b"".join(name + b"\x82" + value.to_bytes(2, "big") for name, value in sides.items())
    data = path.read_bytes()
    segment = next(item for item in elements(data, 0, len(data)) if item.kind == SEGMENT)
    made = b""
    for item in elements(data, segment.begin, segment.end):
        content = data[item.begin : item.end]
        if item.kind == TRACKS:
            content = b"".join(
                _with_flags(data, track, flags) for track in elements(data, item.begin, item.end)
            )
        kind = _VOID if item.kind in (_SEEK_HEAD, _CUES) else item.kind
        made += _element(kind, content)
    path.write_bytes(data[: segment.start] + _element(SEGMENT, made))
    return path


def _with_flags(data: bytes, track: Element, flags: bytes) -> bytes:
    if track.kind != TRACK:  # the checksum
        return b""
    fields = b""
    for item in elements(data, track.begin, track.end):
        content = data[item.begin : item.end]
        fields += _element(VIDEO, content + flags) if item.kind == VIDEO else data[item.start : item.end]
    return _element(TRACK, fields)


def _element(kind: int, content: bytes) -> bytes:
    return (
        kind.to_bytes((kind.bit_length() + 7) // 8, "big")
        + (len(content) | 1 << 56).to_bytes(8, "big")
        + content
    )


def first(path: Path) -> tuple[Pixels, Reader]:
    with Reader(path) as reader:
        return next(iter(reader)).pixels, reader


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_what_is_to_be_cut_off_is_cut_off(tmp_path: Path, suffix: str) -> None:
    picture = shapes(1)[0]
    codec, pixel_format = ("ffv1", "bgr0") if suffix == ".mkv" else ("libvpx-vp9", "yuv420p")
    whole = write_clip(tmp_path / f"a{suffix}", [picture] * 2, codec=codec, pixel_format=pixel_format)
    path = with_crop(whole, top=10, bottom=6, left=4, right=8)
    pixels, reader = first(path)
    assert (reader.info.width, reader.info.height) == (84, 48)
    assert abs(pixels.astype(int) - picture[10:-6, 4:-8]).mean() < (0.1 if suffix == ".mkv" else 4)


def test_the_size_on_a_screen_is_that_of_what_is_left(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", shapes(2), codec="ffv1", pixel_format="bgr0")
    set_display_ratio(path, Fraction(2))
    assert first(path)[1].info.pixel_aspect == Fraction(4, 3)  # 96x64 shown as 2:1
    _, reader = first(with_crop(path, top=8, bottom=8))
    assert reader.info.pixel_aspect == 1  # 96x48
