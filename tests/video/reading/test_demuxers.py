"""What is special about files is known by the names that FFmpeg's own demuxers have."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from clips import shapes, write_clip

from vidstyle.video.reading.demuxers import _DEMUXERS, Demuxer, demuxer_of


@pytest.mark.parametrize("name", [name for name in _DEMUXERS if name != "webp_anim"])  # of FFmpeg 8 on
def test_each_name_is_that_of_a_demuxer(name: str) -> None:
    assert name in av.formats_available


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (".mp4", Demuxer(has_stream_durations=True)),
        (".mkv", Demuxer(has_cropping=True)),
        (".ts", Demuxer(may_be_joined=True)),
        (".flv", Demuxer(may_be_joined=True)),
        (".avi", Demuxer(has_decoding_times_only=True, has_stream_durations=True, has_frame_counts=True)),
        (".nut", Demuxer()),
    ],
)
def test_a_files_own_demuxer_is_the_one_of_the_table(tmp_path: Path, suffix: str, expected: Demuxer) -> None:
    with av.open(write_clip(tmp_path / f"clip{suffix}", shapes(2))) as file:
        assert demuxer_of(file) == expected


def test_every_pipe_demuxer_reads_pictures(tmp_path: Path) -> None:
    with av.open(tmp_path / "picture.png", "w", format="image2pipe") as file:
        stream = file.add_stream("png", rate=25, width=16, height=16, pix_fmt="rgb24")
        file.mux(stream.encode(av.VideoFrame(16, 16, "rgb24")))
        file.mux(stream.encode(None))
    with av.open(tmp_path / "picture.png", format="png_pipe") as opened:
        assert demuxer_of(opened).is_picture
