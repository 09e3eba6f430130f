"""Lengths that no header tells, and lengths that headers tell wrongly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import number_of, shapes, write_clip

from vidstyle.options import ReadOptions
from vidstyle.pipeline.contact_sheet import moments
from vidstyle.video.reading.length import measured_length
from vidstyle.video.reading.probe import probe


def _without_length(path: Path, count: int) -> Path:
    """A clip as a browser records it: live WebM, or a bare stream of H.264."""
    if path.suffix == ".webm":
        options = {"live": "1"}
        return write_clip(path, shapes(count), codec="libvpx-vp9", container_options=options)
    clip = write_clip(path.with_suffix(".mp4"), shapes(count), gop=5)
    with av.open(clip) as source, av.open(path, "w", format="h264") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        nal_units = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", source.streams.video[0], stream)
        for packet in source.demux(video=0):
            for part in nal_units.filter(packet):
                target.mux(part)
    return path


@pytest.mark.parametrize("name", ["live.webm", "bare.h264"])
def test_moments_are_spread_over_a_clip_of_unknown_length(name: str, tmp_path: Path) -> None:
    clip = _without_length(tmp_path / name, 20)
    assert probe(clip).duration is None
    assert measured_length(clip) == pytest.approx(Fraction(20, 25), abs=0.002)
    chosen = [number_of(frame.pixels) for frame in moments(clip, ReadOptions(), 4)]
    assert all(abs(number - wanted) <= 1 for number, wanted in zip(chosen, (3, 8, 12, 17), strict=True))


@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
def test_joined_recordings_are_not_announced_as_one_of_them(suffix: str, tmp_path: Path) -> None:
    part = write_clip(tmp_path / f"part{suffix}", shapes(50, 320, 240), codec="mpeg2video")
    joined = tmp_path / f"joined{suffix}"
    joined.write_bytes(part.read_bytes() * 2)
    assert probe(part).frames == pytest.approx(50, abs=2)
    assert probe(joined).frames in (None, 100)
    assert measured_length(joined) == pytest.approx(4, abs=0.1)
