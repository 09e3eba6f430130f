"""Containers that say when to decode a picture, not when to show it: AVI, ASF."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import Sound, number_of, shapes, write_clip

from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

TICK = Fraction(1, 25)
COUNT = 30
_MARK = b"\x00\x00\x01\xb2DivX503b1393p"  # user data by which decoders know that pictures are packed
_OBJECT = b"\x00\x00\x01\xb6"  # begins a picture of MPEG-4
_NOTHING = _OBJECT + b"\x51\x7f"  # a picture that is not coded: the one before goes on


def leaning_on_later(folder: Path, codec: str) -> Path:
    """A clip whose pictures are not stored as they are shown (B-pictures)."""
    options = {"preset": "medium", "x264-params": "bframes=3:b-adapt=0"} if codec == "libx264" else None
    frames = 1 if codec == "mpeg4" else 2
    name = "b.mp4" if codec == "mpeg4" else "b.ts"
    return write_clip(folder / name, shapes(COUNT), codec=codec, b_frames=frames, gop=12, options=options)


def moved(source: Path, target: Path, *, packed: bool = False) -> Path:
    """The pictures of ``source`` in ``target``, counted as they are stored."""
    with av.open(source) as file, av.open(target, "w") as out:
        stream = file.streams.video[0]
        data = [bytes(packet) for packet in file.demux(stream) if packet.size]
        twin = out.add_stream_from_template(stream)
        twin.time_base = TICK
        if packed:
            data = pack(data)
            twin.codec_context.extradata = (stream.codec_context.extradata or b"") + _MARK
        for number, picture in enumerate(data):
            packet = av.Packet(picture)
            packet.stream, packet.time_base = twin, TICK
            packet.pts, packet.dts, packet.duration = number, number, 1
            packet.is_keyframe = number % 12 == 0
            out.mux(packet)
    return target


def pack(data: list[bytes]) -> list[bytes]:
    """Each B-picture in the packet before it, and an empty one in its place, as DivX wrote them."""
    packets = [data[0].replace(_OBJECT, _MARK + _OBJECT, 1)]
    for picture in data[1:]:
        is_between = picture[picture.rfind(_OBJECT) + 4] >> 6 == 2
        if is_between:
            packets[-1] += picture
        packets.append(_NOTHING if is_between else picture)
    return packets


@pytest.mark.parametrize("name", ["a.avi", "a.asf", "a.wmv"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video", "mpeg4"])
def test_pictures_that_lean_on_later_ones_are_all_shown_evenly_and_in_order(
    tmp_path: Path, name: str, codec: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = moved(leaning_on_later(tmp_path, codec), tmp_path / name)
    with caplog.at_level(logging.WARNING, "vidstyle"), Reader(path) as reader:
        frames = list(reader)
    assert [number_of(frame.pixels) for frame in frames] == list(range(COUNT))
    assert [(frame.time, frame.duration) for frame in frames] == [(n * TICK, TICK) for n in range(COUNT)]
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["a.avi", "a.asf"])
def test_a_part_of_them_begins_where_the_whole_has_its_start(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = moved(leaning_on_later(tmp_path, "libx264"), tmp_path / name)
    part = ReadOptions(start=20 * TICK, end=26 * TICK)
    with caplog.at_level(logging.WARNING, "vidstyle"), Reader(path, part) as reader:
        assert [number_of(frame.pixels) for frame in reader] == [20, 21, 22, 23, 24, 25]
    assert caplog.text == ""


def test_a_part_of_them_may_begin_with_a_picture_that_needs_no_other(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", shapes(COUNT), codec="mpeg4", b_frames=2, gop=12, rate=8)
    for start in range(9, 16):
        with Reader(path, ReadOptions(start=Fraction(start, 8), frames=2)) as reader:
            assert [number_of(frame.pixels) for frame in reader] == [start, start + 1]
            assert reader.info.start == Fraction(start, 8)


def test_packed_pictures_are_unpacked_evenly_and_in_order(tmp_path: Path) -> None:
    path = moved(leaning_on_later(tmp_path, "mpeg4"), tmp_path / "a.avi", packed=True)
    with Reader(path) as reader:
        frames = list(reader)
    assert [number_of(frame.pixels) for frame in frames] == list(range(COUNT))
    assert [frame.time for frame in frames] == [n * TICK for n in range(COUNT)]


def test_sound_beside_them_is_carried_whole(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.avi", shapes(COUNT), codec="mpeg4", b_frames=2, sounds=[Sound(codec="mp2", seconds=2.0)]
    )
    target = tmp_path / "b.mkv"
    with (
        Reader(path) as reader,
        Writer(check_target(target, WriteOptions(), path), like=reader.info, source=path) as writer,
    ):
        for frame in reader:
            writer.write(frame)

    def sound(name: Path) -> list[bytes]:
        with av.open(name) as file:
            return [bytes(packet) for packet in file.demux(audio=0) if packet.size]

    assert sound(target) == sound(path)
