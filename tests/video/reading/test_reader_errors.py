"""What cannot be read gets one line that says what it is and what to do; what is damaged is read on."""

from __future__ import annotations

import logging
import os
import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import Sound, cut_off, number_of, shapes, with_corrupt_bytes, write_clip, write_sound
from PIL import Image

from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Frame
from vidstyle.options import ReadOptions
from vidstyle.video.reading.opening import open_video
from vidstyle.video.reading.reader import Reader


def refused(path: Path) -> str:
    """The line that says why ``path`` cannot be read; it names the file, and leaves no thread behind."""
    before = threading.active_count()
    with pytest.raises(InputError) as caught:
        Reader(path)
    line = str(caught.value)
    assert "\n" not in line and str(path) in line
    assert threading.active_count() == before
    return line


def read_all(path: Path) -> tuple[list[Frame], int]:
    with Reader(path) as reader:
        frames = list(reader)
        return frames, reader.skipped


def numbers(frames: list[Frame]) -> list[int]:
    return [number_of(frame.pixels) for frame in frames]


def test_a_missing_file_is_told_with_its_folder(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nothing.mp4")
    assert f"there is no folder {tmp_path / 'nowhere'}" in refused(tmp_path / "nowhere" / "nothing.mp4")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    assert "is empty" in refused(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.txt", "a.mkv", "a"])
def test_text_under_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Not a film at all.\n" * 200)
    assert "give a video" in refused(tmp_path / name)


def test_noise_under_the_name_of_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(np.random.default_rng(1).integers(0, 256, 20_000, np.uint8).tobytes())
    assert "is not a video that can be read" in refused(path)


def test_an_mp4_whose_recording_was_cut_off_has_lost_its_index(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", shapes(20))
    assert "no index (moov box)" in refused(cut_off(whole, tmp_path / "a.mp4", 0.7))


def test_sound_alone(tmp_path: Path) -> None:
    assert "sound but no pictures" in refused(write_sound(tmp_path / "a.m4a"))


def test_sound_with_a_cover(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(path, "w") as out:
        cover: Any = out.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        tone: Any = out.add_stream("aac", rate=48000, layout="mono")
        out.mux(cover.encode(av.VideoFrame(64, 64, "rgb24")))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 48000
        out.mux(tone.encode(silence))
        out.mux(tone.encode(None))
    assert "only a cover picture" in refused(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.webp", "a.bmp", "a.tif"])
def test_a_single_picture_is_sent_to_the_command_for_pictures(tmp_path: Path, name: str) -> None:
    Image.fromarray(shapes(1)[0]).save(tmp_path / name)
    assert "`vidstyle image`" in refused(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    path.chmod(0)
    assert "may not be read" in refused(path)


def test_a_name_that_no_file_can_have() -> None:
    assert "cannot be opened" in refused(Path("x" * 300 + ".mp4"))


def test_a_file_of_which_no_picture_can_be_decoded(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mov", shapes(3), codec="prores_ks", pixel_format="yuv422p10le")
    with av.open(path) as container:
        first = min(packet.pos or 0 for packet in container.demux(video=0) if packet.size)
    size = path.stat().st_size
    share = first / size
    broken = with_corrupt_bytes(path, tmp_path / "b.mov", spans=[(share, share + 0.85 * (1 - share))])
    assert "could be decoded" in refused(broken) or "not a video" in refused(broken)


def test_a_part_that_lies_beyond_the_end(plain_clip: Path) -> None:
    with pytest.raises(OptionError, match=r"no picture from --start 3 on; its last is at 0\.440 s"):
        Reader(plain_clip, ReadOptions(start=Fraction(3)))


def test_an_end_that_does_not_come_after_the_start(plain_clip: Path) -> None:
    with pytest.raises(OptionError, match="--end 1 must come after --start 2"):
        Reader(plain_clip, ReadOptions(start=Fraction(2), end=Fraction(1)))


def test_an_error_while_opening_closes_the_file(tmp_path: Path, plain_clip: Path) -> None:
    container, _ = open_video(plain_clip)
    container.close()
    path = tmp_path / "a.txt"
    path.write_text("text\n" * 500)
    refused(path)
    path.unlink()


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
        ("a.mp4", "libx265", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.mkv", "ffv1", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
    ],
)
def test_a_clip_with_noise_in_its_middle_is_read_to_its_end(
    tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    made = shapes(60, 160, 96)
    path = write_clip(tmp_path / name, made, codec=codec, pixel_format=pixel_format, gop=12)
    broken = with_corrupt_bytes(path, tmp_path / f"b{path.suffix}", spans=[(0.5, 0.52), (0.7, 0.705)])

    frames, skipped = read_all(broken)

    assert numbers(frames)[:18] == list(range(18)), "what comes before the damage is whole"
    assert numbers(frames)[-1] == 59, "and so is what comes after the next key picture"
    assert 45 <= len(frames) <= 60
    assert all(now.time + now.duration == then.time for now, then in pairwise(frames))
    assert 0 <= skipped <= 25


def test_damaged_packets_are_counted_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_clip(tmp_path / "a.mov", shapes(40), codec="prores_ks", pixel_format="yuv422p10le")
    broken = with_corrupt_bytes(path, tmp_path / "b.mov", spans=[(0.5, 0.55)])
    with caplog.at_level(logging.WARNING, "vidstyle"):
        frames, skipped = read_all(broken)
    assert skipped == 40 - len(frames) > 0
    assert f"{broken}: {skipped} damaged packets were skipped" in caplog.text


@pytest.mark.parametrize(
    ("name", "options"), [("a.mp4", {"movflags": "faststart"}), ("a.mkv", {}), ("a.avi", {}), ("a.webm", {})]
)
def test_what_a_missing_end_has_lost_is_counted_and_told(
    tmp_path: Path, name: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    codec = {"a.webm": "libvpx-vp9", "a.avi": "mjpeg"}.get(name, "libx264")
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    made = shapes(60, 160, 96)
    whole = write_clip(
        tmp_path / name, made, codec=codec, pixel_format=pixel_format, gop=12, container_options=options
    )
    assert read_all(whole)[1] == 0

    with caplog.at_level(logging.WARNING, "vidstyle"):
        frames, skipped = read_all(cut_off(whole, tmp_path / f"cut{whole.suffix}", 0.6))

    assert 20 < len(frames) < 50
    assert numbers(frames[:-1]) == list(range(len(frames) - 1))
    assert abs(len(frames) + skipped - 60) <= 1
    assert "ends early" in caplog.text


def test_sound_longer_than_the_pictures_is_no_missing_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.mp4", "a.mkv", "a.ts", "a.flv"):
        path = write_clip(tmp_path / name, shapes(10), sounds=[Sound(seconds=3)])
        with caplog.at_level(logging.WARNING, "vidstyle"):
            frames, skipped = read_all(path)
        assert (len(frames), skipped, caplog.text) == (10, 0, "")


def test_a_part_read_to_its_end_is_not_called_cut_off(
    plain_clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, "vidstyle"),
        Reader(plain_clip, ReadOptions(frames=3)) as reader,
    ):
        list(reader)
        assert (reader.skipped, caplog.text) == (0, "")


def test_a_long_run_of_damage_ends_the_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("vidstyle.video.reading.decoder._MOST_FAILURES", 5)
    path = write_clip(tmp_path / "a.mov", shapes(40), codec="prores_ks", pixel_format="yuv422p10le")
    broken = with_corrupt_bytes(path, tmp_path / "b.mov", spans=[(0.3, 0.7)])
    with caplog.at_level(logging.WARNING, "vidstyle"):
        frames, _ = read_all(broken)
    assert 5 < len(frames) < 15
    assert "damaged packets in a row" in caplog.text
