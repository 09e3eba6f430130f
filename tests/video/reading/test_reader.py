"""What a reader gives of a sound file: pixels, times, and what it says of them beforehand."""

from __future__ import annotations

import gc
import threading
from contextlib import closing
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import BT601, BT709, Sound, number_of, ramp_alpha, shapes, write_clip

from vidstyle.errors import InputError
from vidstyle.frames import ColorTags, Frame, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.pipeline.prefetch import prefetch
from vidstyle.video.reading.probe import probe
from vidstyle.video.reading.reader import Reader, open_reader

TICK = Fraction(1, 25)


def frames_of(path: Path, options: ReadOptions = ReadOptions()) -> list[Frame]:  # noqa: B008
    with Reader(path, options) as reader:
        return list(reader)


def follow_each_other(frames: list[Frame]) -> bool:
    return frames[0].time == 0 and all(now.time + now.duration == then.time for now, then in pairwise(frames))


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv444p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mpg", "mpeg2video", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
        ("a.flv", "libx264", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.avi", "rawvideo", "uyvy422"),
        ("a.mov", "qtrle", "rgb24"),
        ("a.mov", "png", "rgba"),
        ("a.mov", "dvvideo", "yuv420p"),
        ("a.y4m", "rawvideo", "yuv420p"),
        ("a.mxf", "mpeg2video", "yuv420p"),
        ("a.nut", "ffv1", "gray16le"),
    ],
)
def test_any_container_and_codec_gives_every_frame_its_time_and_colours(
    tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    size = (720, 576) if codec == "dvvideo" else (96, 64)  # DV knows no other
    made = shapes(6, *size)
    # AVI, DV and y4m hold no tags: BT.601 is what so few lines are taken for
    path = write_clip(tmp_path / name, made, codec=codec, pixel_format=pixel_format, tags=BT601)

    frames = frames_of(path)

    assert [number_of(frame.pixels) for frame in frames] == list(range(6))
    assert [(frame.time, frame.duration) for frame in frames] == [(n * TICK, TICK) for n in range(6)]
    if not pixel_format.startswith("gray"):
        for frame, wanted in zip(frames, made, strict=True):
            seen = frame.pixels / np.iinfo(frame.pixels.dtype).max * 255
            assert abs(seen.mean(axis=(0, 1)) - wanted.mean(axis=(0, 1))).max() < 2.5


def test_what_is_known_beforehand(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mp4",
        rate=Fraction(24000, 1001),
        tags=BT601,
        sounds=[Sound()],
        metadata={"title": "Shapes"},
    )
    info = probe(path)
    assert isinstance(info, VideoInfo)
    assert (info.width, info.height, info.bits, info.has_alpha) == (96, 64, 8, False)
    assert (info.rate, info.time_base) == (Fraction(24000, 1001), Fraction(1, 24000))
    assert (info.frames, info.duration, info.start) == (12, Fraction(12 * 1001, 24000), Fraction(0))
    assert (info.codec, info.color, info.pixel_aspect) == ("h264", BT601, Fraction(1))
    assert ("title", "Shapes") in info.tags
    assert not info.is_still_sequence


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60), Fraction(12)])
def test_a_rate_of_any_fraction_is_exact(tmp_path: Path, rate: Fraction) -> None:
    frames = frames_of(write_clip(tmp_path / "a.mp4", shapes(5), rate=rate))
    assert [frame.time for frame in frames] == [n / rate for n in range(5)]
    assert {frame.duration for frame in frames} == {1 / rate}


def test_a_variable_rate_keeps_each_time_and_the_last_duration(tmp_path: Path) -> None:
    ticks = [0, 1, 3, 4, 9, 30]
    path = write_clip(tmp_path / "a.mp4", shapes(6), ticks=ticks, time_base=Fraction(1, 50), last_ticks=10)
    frames = frames_of(path)
    assert [frame.time * 50 for frame in frames] == ticks
    assert [frame.duration * 50 for frame in frames] == [1, 2, 1, 5, 21, 10]


def test_b_frames_come_in_the_order_they_are_shown(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", shapes(20), options={"preset": "medium", "bf": "3"}, b_frames=3)
    frames = frames_of(path)
    assert [number_of(frame.pixels) for frame in frames] == list(range(20))
    assert follow_each_other(frames)


def test_pictures_without_times_of_their_own_are_evenly_spaced(tmp_path: Path) -> None:
    # AVI keeps decoding times only
    path = write_clip(tmp_path / "a.avi", shapes(20), codec="mpeg4", options={"q": "2"}, b_frames=2)
    frames = frames_of(path)
    assert [number_of(frame.pixels) for frame in frames] == list(range(20))
    assert [frame.time for frame in frames] == [n * TICK for n in range(20)]


def test_a_bare_stream_without_any_times_is_read(tmp_path: Path) -> None:
    frames = frames_of(write_clip(tmp_path / "a.h264", shapes(8)))
    assert [number_of(frame.pixels) for frame in frames] == list(range(8))
    assert follow_each_other(frames)


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.mp4"])
def test_a_start_that_is_not_zero_is_told_and_taken_off(tmp_path: Path, name: str) -> None:
    ticks = [250 + n * 4 for n in range(6)]  # hundredths of a second
    path = write_clip(
        tmp_path / name, shapes(6), ticks=ticks, time_base=Fraction(1, 100), sounds=[Sound(seconds=3)]
    )
    with Reader(path) as reader:
        frames = list(reader)
    assert abs(reader.info.start - Fraction(5, 2)) < Fraction(3, 100)  # Matroska moves all by AAC's priming
    assert [frame.time for frame in frames] == [n * TICK for n in range(6)]


def test_twelve_ten_and_sixteen_bits_are_kept(tmp_path: Path) -> None:
    made = shapes(2, deep=True)
    for bits in (10, 12, 16):
        pixel_format = f"gbrp{bits}le"
        path = write_clip(tmp_path / f"{bits}.mkv", made, codec="ffv1", pixel_format=pixel_format)
        with Reader(path) as reader:
            frames = list(reader)
        assert (reader.info.bits, frames[0].bits) == (bits, 16)
        assert abs(frames[1].pixels.astype(int) - made[1]).max() <= 65535 / (2**bits - 1)


@pytest.mark.parametrize(
    "tags", [BT601, BT709, ColorTags(9, 9, 14), ColorTags(1, 12, 13), ColorTags(7, 7, 7)]
)
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_tags_are_read_and_obeyed(tmp_path: Path, tags: ColorTags, full: bool) -> None:
    tags = ColorTags(tags.matrix, tags.primaries, tags.transfer, full)
    patch = np.full((64, 96, 3), (250, 10, 20), np.uint8)
    path = write_clip(tmp_path / "a.mkv", [patch] * 2, codec="ffv1", pixel_format="yuv444p", tags=tags)
    with Reader(path) as reader:
        frame = next(iter(reader))
    assert reader.info.color == tags
    assert abs(frame.pixels.astype(int) - patch).max() <= 2


@pytest.mark.parametrize(("height", "tags"), [(64, BT601), (720, BT709)])
def test_untagged_colours_are_told_by_the_number_of_lines(
    tmp_path: Path, height: int, tags: ColorTags
) -> None:
    patch = np.full((height, 64, 3), (250, 10, 20), np.uint8)
    path = write_clip(
        tmp_path / "a.mkv", [patch], codec="ffv1", pixel_format="yuv444p", tags=tags, tagged=False
    )
    with Reader(path) as reader:
        frame = next(iter(reader))
    assert reader.info.color == ColorTags(matrix=tags.matrix)
    assert abs(frame.pixels.astype(int) - patch).max() <= 2


@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_baked_in(tmp_path: Path, rotation: int, mirrored: bool) -> None:
    made = shapes(2)
    path = write_clip(
        tmp_path / "a.mov", made, codec="png", pixel_format="rgb24", rotation=rotation, mirrored=mirrored,
        pixel_aspect=Fraction(4, 3),
    )  # fmt: skip
    with Reader(path) as reader:
        frames = list(reader)

    upright = np.rot90(made[1], rotation // 90)
    upright = upright[:, ::-1] if mirrored else upright
    assert (frames[1].pixels == upright).all()
    assert (reader.info.width, reader.info.height) == (upright.shape[1], upright.shape[0])
    assert reader.info.pixel_aspect == (Fraction(3, 4) if rotation % 180 else Fraction(4, 3))


@pytest.mark.parametrize("tag", ["alpha_mode", "ALPHA_MODE", "Alpha_Mode"])
def test_alpha_is_read_whatever_the_case_of_its_tag(tmp_path: Path, tag: str) -> None:
    made = write_clip(
        tmp_path / "a.webm", shapes(2), codec="libvpx-vp9", pixel_format="yuva420p", alpha=ramp_alpha(2)
    )
    moved = tmp_path / "b.webm"
    with av.open(made) as file, av.open(moved, "w") as out:  # as FFmpeg copies: no element says it any more
        stream = file.streams.video[0]
        twin = out.add_stream_from_template(stream)
        twin.metadata["alpha_mode"] = "1"
        for packet in file.demux(stream):
            if packet.size:
                packet.stream = twin
                out.mux(packet)
    data = moved.read_bytes()
    at = data.lower().index(b"alpha_mode")
    moved.write_bytes(data[:at] + tag.encode() + data[at + len(tag) :])
    with Reader(moved) as reader:
        assert reader.info.has_alpha
        assert all(frame.alpha is not None and frame.alpha.min() < 50 for frame in reader)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "allowed"),
    [
        ("a.webm", "libvpx-vp9", "yuva420p", 12),
        ("a.webm", "libvpx", "yuva420p", 16),
        ("a.mov", "prores_ks", "yuva444p10le", 1),
        ("a.mov", "png", "rgba", 0),
        ("a.mov", "qtrle", "argb", 0),
        ("a.mkv", "ffv1", "yuva444p", 0),
    ],
)
def test_alpha_is_read(tmp_path: Path, name: str, codec: str, pixel_format: str, allowed: int) -> None:
    alpha = ramp_alpha(4)
    path = write_clip(tmp_path / name, shapes(4), codec=codec, pixel_format=pixel_format, alpha=alpha)
    with Reader(path) as reader:
        frames = list(reader)
    assert reader.info.has_alpha
    assert len(frames) == 4
    for frame, wanted in zip(frames, alpha, strict=True):
        assert frame.alpha is not None
        seen = frame.alpha / np.iinfo(frame.alpha.dtype).max * 255
        inner = slice(None) if allowed < 10 else slice(24, 64)  # the ramp's jump blurs in a lossy codec
        assert abs(seen[:, inner] - wanted[:, inner]).mean() <= allowed


@pytest.mark.parametrize("size", [(95, 63), (97, 64), (16, 16)])
def test_odd_sizes_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    made = shapes(3, *size)
    path = write_clip(tmp_path / "a.mkv", made, codec="ffv1", pixel_format="bgr0")
    frames = frames_of(path)
    assert all((frame.pixels == wanted).all() for frame, wanted in zip(frames, made, strict=True))


def test_a_cover_is_not_taken_for_the_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    source = write_clip(tmp_path / "plain.mp4", shapes(5))
    with av.open(path, "w") as out, av.open(source) as plain:
        cover: Any = out.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 640, 480, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        video = out.add_stream_from_template(plain.streams.video[0])
        out.mux(cover.encode(av.VideoFrame(640, 480, "rgb24")))
        for packet in plain.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
    assert [number_of(frame.pixels) for frame in frames_of(path)] == list(range(5))


def test_a_colon_in_a_relative_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "at 12:30.mp4", shapes(2))
    monkeypatch.chdir(tmp_path)
    assert len(frames_of(Path("at 12:30.mp4"))) == 2


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.avi", "mp2")])
def test_tags_that_are_not_utf8_are_read_as_latin1(tmp_path: Path, name: str, codec: str) -> None:
    path = write_clip(
        tmp_path / name, shapes(3), codec="mpeg4", metadata={"title": "Ueber"}, sounds=[Sound(codec=codec)]
    )
    path.write_bytes(path.read_bytes().replace(b"Ueber", b"\xdc" + b"ber "))
    with Reader(path) as reader:
        assert len(list(reader)) == 3
    assert ("title", "Über ") in reader.info.tags or ("title", "Über") in reader.info.tags


def test_a_single_picture_in_a_video_file_keeps_its_duration(tmp_path: Path) -> None:
    frames = frames_of(write_clip(tmp_path / "a.mp4", shapes(1), last_ticks=50))
    assert [(frame.time, frame.duration) for frame in frames] == [(Fraction(0), Fraction(2))]


@pytest.mark.parametrize("seen", [0, 1, 5])
def test_leaving_early_ends_the_threads_and_frees_the_file(tmp_path: Path, seen: int) -> None:
    path = write_clip(tmp_path / "a.mp4", shapes(40), gop=5)
    before = threading.active_count()
    with Reader(path) as reader, closing(prefetch(reader, 2)) as frames:
        for _ in range(seen):
            next(frames)
    assert threading.active_count() == before
    reader.close()  # once more is nothing
    path.unlink()


@pytest.mark.parametrize(("name", "rotation"), [("a.mov", 90), ("a.mp4", 0)])
def test_decoded_pictures_are_let_go_without_the_garbage_collector(
    tmp_path: Path, name: str, rotation: int
) -> None:
    path = write_clip(tmp_path / name, shapes(60), rotation=rotation)
    gc.collect()
    gc.disable()
    try:
        before = pictures_alive()
        with Reader(path) as reader:
            # all objects of the process are looked at, which takes long
            most = max(pictures_alive() - before for number, _ in enumerate(reader) if number % 20 == 19)
    finally:
        gc.enable()
    assert most < 10


def pictures_alive() -> int:
    # not isinstance: it asks each object for its class, which some of torch's answer with a warning
    return sum(type(item) is av.VideoFrame for item in gc.get_objects())


def test_a_reader_is_read_once(plain_clip: Path) -> None:
    with open_reader(plain_clip) as reader:
        assert len(list(reader)) == 12
        with pytest.raises(InputError, match="open it again"):
            iter(reader)


def test_what_is_read_does_not_change_under_the_caller(tmp_path: Path) -> None:
    # still pictures: the decoder gives the same picture again and again
    made = shapes(1) * 6
    path = write_clip(tmp_path / "a.mkv", made, codec="ffv1", pixel_format="bgr0")
    for frame in frames_of(path):
        assert (frame.pixels == made[0]).all()
        frame.pixels[:] = 0
