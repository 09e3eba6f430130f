"""Writing video: colours, depths, sizes, pixel shapes and alpha, all read back."""

from __future__ import annotations

import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import ramp_alpha, shapes
from results import (
    FAST,
    KINDS,
    frames,
    info,
    read,
    write,
)

from vidstyle.errors import OptionError
from vidstyle.frames import ColorTags, Frame
from vidstyle.options import WriteOptions
from vidstyle.video.color.conversion import to_rgb
from vidstyle.video.color.tags import decode_tags


@pytest.mark.parametrize(
    "tags",
    [
        ColorTags(1, 1, 1),
        ColorTags(6, 6, 6),
        ColorTags(5, 5, 1),
        ColorTags(9, 9, 14),
        ColorTags(1, 1, 1, full_range=True),
        ColorTags(6, 2, 2),
    ],
)
@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1"])
def test_colour_tags_are_written_and_true(tmp_path: Path, codec: str, tags: ColorTags) -> None:
    red = np.zeros((64, 96, 3), np.uint8) + np.array([200, 30, 60], np.uint8)
    path = write(
        tmp_path / f"a{KINDS[codec]}", frames([red] * 3), info(color=tags), replace(FAST, codec=codec)
    )
    with av.open(path) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        decoded_tags = decode_tags(frame, context)
        assert decoded_tags == tags
        pixels, _ = to_rgb(frame, decoded_tags)
    assert np.abs(pixels[32, 48].astype(int) - red[0, 0]).max() <= 3


@pytest.mark.parametrize(("lines", "matrix"), [(64, 6), (720, 1)])
def test_colours_that_nobody_tagged_are_tagged(tmp_path: Path, lines: int, matrix: int) -> None:
    red = np.zeros((lines, 96, 3), np.uint8) + np.array([200, 30, 60], np.uint8)
    path = write(tmp_path / "a.mp4", frames([red] * 2), info(96, lines, color=ColorTags()))
    with av.open(path) as container:
        frame = next(container.decode(video=0))
        assert frame.colorspace == matrix
        pixels, _ = to_rgb(frame, decode_tags(frame))
    assert np.abs(pixels[32, 48].astype(int) - red[0, 0]).max() <= 3


def test_prores_gets_limited_range_of_a_full_range_source(tmp_path: Path) -> None:
    gray = np.full((64, 96, 3), 255, np.uint8)
    path = write(
        tmp_path / "a.mov",
        frames([gray] * 2),
        info(color=ColorTags(1, 1, 1, full_range=True)),
        WriteOptions(codec="prores"),
    )
    with av.open(path) as container:
        frame = next(container.decode(video=0))
        assert frame.color_range == 1
    assert read(path)[0][0].max() > 65000


def test_colours_do_not_drift(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (64, 256, 3)).copy()
    path = write(tmp_path / "a.mp4", frames([ramp] * 3), options=replace(FAST, crf=1))
    mean = np.mean([pixels.mean() for pixels, _ in read(path)])
    assert abs(mean - ramp.mean()) < 0.3  # the default scaler loses 1.2 levels


@pytest.mark.parametrize(
    ("codec", "bits"), [("h264", 10), ("hevc", 10), ("av1", 10), ("prores", 10), ("ffv1", 10)]
)
def test_deep_frames_keep_their_depth(tmp_path: Path, codec: str, bits: int) -> None:
    options = WriteOptions(
        codec=codec, preset="ultrafast", crf=4 if codec in ("h264", "hevc", "av1") else None
    )
    ramp = np.broadcast_to(np.linspace(20000, 24000, 96).astype(np.uint16)[None, :, None], (64, 96, 3)).copy()
    path = write(tmp_path / f"a{KINDS[codec]}", frames([ramp] * 3), info(bits=10), options)
    with av.open(path) as container:
        assert container.streams.video[0].format.components[0].bits == bits
    back = read(path)[0][0]
    assert back.dtype == np.uint16
    assert len(np.unique(back[32, :, 1])) > 20  # 8 bits would have 16 steps
    assert np.abs(back.astype(int) - ramp).max() < 700


def test_codec_without_depth_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    deep = [picture.astype(np.uint16) * 257 for picture in shapes(2)]
    with caplog.at_level(logging.WARNING):
        path = write(tmp_path / "a.webm", frames(deep), info(bits=10))
    assert "loses the finer steps" in caplog.text
    assert len(read(path)) == 2


@pytest.mark.parametrize("size", [(67, 53), (66, 53), (67, 54), (16, 16), (17, 17)])
@pytest.mark.parametrize("codec", KINDS)
def test_any_size_is_kept(
    tmp_path: Path, codec: str, size: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    width, height = size if codec != "hevc" else (max(size[0], 64), size[1])
    options = WriteOptions(codec=codec, preset="ultrafast")
    pictures = [np.full((height, width, 3), 90 + 20 * index, np.uint8) for index in range(3)]
    with caplog.at_level(logging.WARNING):
        path = write(tmp_path / f"a{KINDS[codec]}", frames(pictures), info(width, height), options)
    back = read(path)
    assert [pixels.shape for pixels, _ in back] == [(height, width, 3)] * 3
    odd = bool(width % 2 or height % 2)
    assert ("4:4:4" in caplog.text) == (odd and codec in ("h264", "hevc"))


def test_even_crops_a_line_instead(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture = np.repeat(np.random.default_rng(0).integers(0, 255, (53, 37, 1), dtype=np.uint8), 3, axis=2)
    with caplog.at_level(logging.WARNING):
        path = write(tmp_path / "a.mp4", frames([picture] * 2), info(37, 53), replace(FAST, even=True, crf=1))
    pixels, _ = read(path)[0]
    assert pixels.shape == (52, 36, 3)
    assert not caplog.text
    assert np.abs(pixels.astype(float) - picture[:52, :36]).mean() < 4  # noise: not rescaled


def test_frame_of_another_size_is_an_error(tmp_path: Path) -> None:
    items = [*frames(shapes(1, 96, 64)), Frame(shapes(1, 98, 64)[0], Fraction(1, 25))]
    with pytest.raises(OptionError, match="96x64, got 98x64"):
        write(tmp_path / "a.mp4", items)


def test_pixels_that_are_not_square_stay_so(tmp_path: Path) -> None:
    for name, codec in [
        ("a.mp4", "h264"),
        ("b.mp4", "av1"),
        ("a.mkv", "h264"),
        ("b.mkv", "ffv1"),
        ("a.webm", "vp9"),
        ("b.webm", "av1"),
        ("a.mov", "prores"),
    ]:
        options = WriteOptions(codec=codec, preset="ultrafast")
        path = write(tmp_path / name, frames(shapes(3)), info(pixel_aspect=Fraction(16, 15)), options)
        with av.open(path) as container:
            assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 15)
        assert len(read(path)) == 3


def test_matroska_index_still_finds_its_parts_with_pixels_that_are_not_square(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", frames(shapes(40)), info(pixel_aspect=Fraction(64, 45)))
    with av.open(path) as container:
        container.seek(1_200_000)
        frame = next(container.decode(video=0))
        assert frame.time is not None and 0 <= frame.time <= 1.2
        assert container.duration == 1_600_000


@pytest.mark.parametrize(("codec", "decoder"), [("vp9", "libvpx-vp9"), ("prores", ""), ("ffv1", "")])
def test_alpha_is_carried(tmp_path: Path, codec: str, decoder: str) -> None:
    alpha = ramp_alpha(3)
    options = WriteOptions(codec=codec, preset="ultrafast")
    path = write(tmp_path / f"a{KINDS[codec]}", frames(shapes(3), alpha=alpha), info(has_alpha=True), options)
    with av.open(path) as container:
        stream = container.streams.video[0]
        if decoder:  # FFmpeg's own does not read VP9's alpha
            reader: Any = av.CodecContext.create(decoder, "r")
            packets = [packet for packet in container.demux(stream) if packet.size]
            decoded = [frame for packet in packets for frame in reader.decode(packet)]
        else:
            decoded = list(container.decode(stream))
    for frame, wanted in zip(decoded, alpha, strict=True):
        _, decoded_alpha = to_rgb(frame, decode_tags(frame))
        assert decoded_alpha is not None
        scale = 255 / np.iinfo(decoded_alpha.dtype).max
        assert np.abs(decoded_alpha * scale - wanted).mean() < 3


def test_alpha_that_is_not_held_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        path = write(tmp_path / "a.mp4", frames(shapes(2), alpha=ramp_alpha(2)), info(has_alpha=True))
    assert "does not hold alpha" in caplog.text
    assert len(read(path)) == 2


def test_vp9_loses_its_alpha_in_mp4_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = WriteOptions(codec="vp9", preset="ultrafast")
    with caplog.at_level(logging.WARNING):
        path = write(
            tmp_path / "a.mp4", frames(shapes(2), alpha=ramp_alpha(2)), info(has_alpha=True), options
        )
    assert "does not hold alpha" in caplog.text
    assert len(read(path)) == 2


def test_pictures_too_narrow_for_x265_are_refused_before_it_crashes(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="narrower than 64 px"):
        write(tmp_path / "a.mp4", frames(shapes(2, 48, 96)), options=replace(FAST, codec="hevc"))
