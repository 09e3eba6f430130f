"""Writing video: exact times, colours, depths, sizes and alpha, all read back."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import number_of, ramp_alpha, shapes

from vidstyle.errors import OptionError, OutputError
from vidstyle.frames import ColorTags, Frame, Pixels, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.color import to_rgb
from vidstyle.video.tags import decode_tags
from vidstyle.video.writer import Writer

BT709 = ColorTags(matrix=1, primaries=1, transfer=1)
FAST = WriteOptions(preset="ultrafast", crf=8)

# the fastest that each codec goes, and the file that it goes into
KINDS = {
    "h264": ".mp4",
    "hevc": ".mp4",
    "av1": ".mp4",
    "vp9": ".webm",
    "prores": ".mov",
    "ffv1": ".mkv",
}


def info(width: int = 96, height: int = 64, **more: Any) -> VideoInfo:
    values: dict[str, Any] = {"rate": Fraction(25), "time_base": Fraction(1, 25), "color": BT709, **more}
    return VideoInfo(Path("source.mp4"), width, height, **values)


def frames(
    pictures: Sequence[Pixels],
    times: Sequence[Fraction | float] | None = None,
    end: Fraction | float | None = None,
    alpha: Sequence[Pixels] | None = None,
) -> list[Frame]:
    begins = (
        [Fraction(index, 25) for index in range(len(pictures))]
        if times is None
        else [Fraction(time) for time in times]
    )
    ends = [*begins[1:], Fraction(end) if end is not None else begins[-1] + Fraction(1, 25)]
    return [
        Frame(picture, begin, stop - begin, alpha[index] if alpha else None)
        for index, (picture, begin, stop) in enumerate(zip(pictures, begins, ends, strict=True))
    ]


def write(
    target: Path, items: Sequence[Frame], like: VideoInfo | None = None, options: WriteOptions = FAST
) -> Path:
    like = like or info(items[0].width, items[0].height)
    with Writer(target, like=like, options=options) as writer:
        for item in items:
            writer.write(item)
    return target


def times_of(path: Path) -> list[tuple[Fraction, Fraction]]:
    """Time and duration of each frame as the file gives them, in order of display."""
    with av.open(path) as container:
        stream: Any = container.streams.video[0]
        tick = stream.time_base
        return [(frame.pts * tick, frame.duration * tick) for frame in container.decode(stream)]


def read(path: Path) -> list[tuple[Pixels, Pixels | None]]:
    with av.open(path) as container:
        return [
            to_rgb(frame, decode_tags(frame, container.streams.video[0].codec_context))
            for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize("codec", KINDS)
def test_each_codec_keeps_every_frame_in_order_and_colour(tmp_path: Path, codec: str) -> None:
    pictures = shapes(9)
    options = WriteOptions(
        codec=codec, preset="ultrafast", crf=8 if codec not in ("prores", "ffv1") else None
    )
    path = write(tmp_path / f"a{KINDS[codec]}", frames(pictures), options=options)
    back = read(path)
    assert [number_of(pixels) for pixels, _ in back] == list(range(9))
    error = np.mean(
        [
            np.abs(pixels.astype(float) * (255 / np.iinfo(pixels.dtype).max) - picture).mean()
            for (pixels, _), picture in zip(back, pictures, strict=True)
        ]
    )
    assert error < 3.0


def test_ffv1_is_lossless(tmp_path: Path) -> None:
    pictures = shapes(4)
    back = read(write(tmp_path / "a.mkv", frames(pictures), options=WriteOptions(codec="ffv1")))
    assert all(np.array_equal(pixels, picture) for (pixels, _), picture in zip(back, pictures, strict=True))


@pytest.mark.parametrize(
    "tick", [Fraction(1, 24000), Fraction(1001, 24000), Fraction(1001, 30000), Fraction(1, 90000)]
)
def test_rates_of_television_are_exact(tmp_path: Path, tick: Fraction) -> None:
    step = Fraction(1001, 30000) if tick == Fraction(1001, 30000) else Fraction(1001, 24000)
    if tick == Fraction(1, 90000):  # cannot hold 23.976: a finer one must be taken
        assert (step / tick).denominator != 1
    times = [index * step for index in range(50)]
    items = frames(shapes(50, 32, 32), times, 50 * step)
    path = write(tmp_path / "a.mp4", items, info(32, 32, rate=1 / step, time_base=tick))
    assert times_of(path) == [(item.time, item.duration) for item in items]
    with av.open(path) as container:
        assert container.streams.video[0].average_rate == 1 / step


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_uneven_times_are_exact(tmp_path: Path, codec: str) -> None:
    ticks = [0, 40, 80, 140, 200, 210, 300, 310, 320, 480, 500, 1000]
    items = frames(shapes(12), [Fraction(tick, 1000) for tick in ticks], Fraction(14, 10))
    path = write(
        tmp_path / f"a{KINDS[codec]}",
        items,
        info(rate=Fraction(12), time_base=Fraction(1, 1000)),
        replace(FAST, codec=codec, preset="veryfast"),
    )
    back = times_of(path)
    assert [time for time, _ in back] == [item.time for item in items]
    assert back[-1][1] == items[-1].duration


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_header_of_uneven_clip_with_b_pictures_tells_its_whole_length(tmp_path: Path, codec: str) -> None:
    ticks = [0, 40, 80, 140, 200, 210, 300, 310, 320, 480, 500, 1000]
    items = frames(shapes(12), [Fraction(tick, 1000) for tick in ticks], Fraction(24, 10))
    path = write(
        tmp_path / "a.mp4",
        items,
        info(time_base=Fraction(1, 1000)),
        replace(FAST, codec=codec, preset="medium"),
    )
    with av.open(path) as container:
        stream: Any = container.streams.video[0]
        assert stream.codec_context.has_b_frames  # else there is nothing to see here
        assert stream.duration * stream.time_base == Fraction(24, 10)
        assert container.duration == 2_400_000
    assert times_of(path)[-1] == (Fraction(1), Fraction(14, 10))


def test_result_starts_at_zero(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", frames(shapes(5)), replace(info(), start=Fraction(37, 10)))
    assert times_of(path)[0][0] == 0


def test_times_closer_than_a_tick_stay_in_order(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 25), Fraction(1, 25) + Fraction(1, 10**6), Fraction(3, 25)]
    path = write(tmp_path / "a.mp4", frames(shapes(4), times))
    back = [time for time, _ in times_of(path)]
    assert len(back) == 4
    assert back == sorted(set(back))


def test_time_that_does_not_rise_is_an_error(tmp_path: Path) -> None:
    items = frames(shapes(3))
    with pytest.raises(OptionError, match="rise"):
        write(tmp_path / "a.mp4", [items[0], items[2], items[1]])
    assert not list(tmp_path.iterdir())


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
        found = decode_tags(frame, context)
        assert found == tags
        pixels, _ = to_rgb(frame, found)
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
        _, found = to_rgb(frame, decode_tags(frame))
        assert found is not None
        scale = 255 / np.iinfo(found.dtype).max
        assert np.abs(found * scale - wanted).mean() < 3


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


def test_hevc_in_mp4_is_tagged_for_apples_players(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", frames(shapes(3)), options=replace(FAST, codec="hevc"))
    with av.open(path) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_mp4_has_its_index_first(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mp4", frames(shapes(3))).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.gif", "a.apng"])
def test_same_frames_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    options = WriteOptions(preset="veryfast")
    items = frames(shapes(30))
    assert (
        write(first / name, items, options=options).read_bytes()
        == write(second / name, items, options=options).read_bytes()
    )


def test_quality_changes_the_size_of_the_file(tmp_path: Path) -> None:
    items = frames(shapes(6))
    fine = write(tmp_path / "a.mp4", items, options=replace(FAST, crf=5)).stat().st_size
    coarse = write(tmp_path / "b.mp4", items, options=replace(FAST, crf=45)).stat().st_size
    assert fine > 1.5 * coarse


def test_x264_does_not_cut_pictures_into_slices(tmp_path: Path) -> None:
    data = write(tmp_path / "a.mp4", frames(shapes(2))).read_bytes()
    assert b"sliced_threads=0" in data  # what PyAV asks for if it is not told otherwise is 1


def test_bit_rate_is_kept_to(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 255, (64, 96, 3), dtype=np.uint8) for _ in range(75)]
    options = WriteOptions(preset="veryfast", bitrate="400k")
    size = write(tmp_path / "a.mp4", frames(pictures), options=options).stat().st_size
    assert 0.5 < size * 8 / 3 / 400_000 < 1.5


def test_encoders_say_nothing_on_their_own(tmp_path: Path) -> None:
    script = """
import sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.writer import Writer
for codec, name in (item.split("=") for item in sys.argv[2:]):
    target = Path(sys.argv[1]) / (codec + name)
    with Writer(target, like=VideoInfo(Path("x"), 96, 64), options=WriteOptions(codec=codec)) as writer:
        for number in range(3):
            writer.write(Frame(np.full((64, 96, 3), 50 * number, np.uint8), Fraction(number, 25)))
"""
    kinds = [f"{codec}={name}" for codec, name in (KINDS | {"gif": ".gif", "apng": ".apng"}).items()]
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *kinds], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == result.stderr == ""


def test_tags_can_be_given(tmp_path: Path) -> None:
    with Writer(tmp_path / "a.mp4", like=info(), options=FAST, tags={"title": "Waves"}) as writer:
        writer.write(frames(shapes(1))[0])
    with av.open(tmp_path / "a.mp4") as container:
        assert container.metadata["title"] == "Waves"


def test_one_frame_is_a_clip(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", frames(shapes(1), end=2))
    assert times_of(path) == [(Fraction(0), Fraction(2))]


def test_encoder_that_does_not_open_for_a_size_says_so(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="libsvtav1 does not open for 2x2"):
        write(
            tmp_path / "a.mp4",
            frames([np.zeros((2, 2, 3), np.uint8)] * 2),
            options=replace(FAST, codec="av1"),
        )
    assert not list(tmp_path.iterdir())


def test_pictures_too_narrow_for_x265_are_refused_before_it_crashes(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="narrower than 64 px"):
        write(tmp_path / "a.mp4", frames(shapes(2, 48, 96)), options=replace(FAST, codec="hevc"))


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no picture came"), Writer(tmp_path / "a.mp4", like=info()):
        pass
    assert not list(tmp_path.iterdir())
