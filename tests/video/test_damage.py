"""Damaged files of all kinds: frames or one clear line, in good time, and nothing left behind."""

from __future__ import annotations

import errno
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.error import InvalidDataError
from clips import shapes, write_clip

from vidstyle.errors import InputError
from vidstyle.video.reading.decoder import Decoder

ROOT = Path(__file__).resolve().parent.parent.parent


def test_damaged_files_give_frames_or_one_line_and_leave_nothing_behind() -> None:
    # in a process of its own: what crashes or hangs there is told here
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "fuzz.py"), "--count", "200"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "200 files of 16 kinds, 0 went wrong"


@pytest.mark.parametrize("is_disk", [False, True])
def test_demuxing_goes_on_after_damage_but_not_after_the_disk_fails(
    is_disk: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg's demuxers skip most damage themselves, so that no damaged file surely shows this."""
    clip = write_clip(tmp_path / "a.mkv", shapes(6, 64, 48))
    decoder = Decoder(clip)
    opened: list[Iterator[Any]] = []
    packets = decoder.container.demux(decoder.stream)

    def interrupted() -> Iterator[Any]:
        opened.append(packets)
        if len(opened) > 1:
            yield from packets
            return
        yield next(packets)
        raise OSError(errno.EIO, "fails") if is_disk else InvalidDataError(errno.EINVAL, "damaged")

    monkeypatch.setattr(decoder, "_new_packets", interrupted)
    with closing(decoder):
        if is_disk:
            with pytest.raises(InputError, match="cannot be read on"):
                list(decoder.frames())
        else:
            assert len(list(decoder.frames())) == 6
            assert decoder.skipped == 1


@pytest.mark.parametrize(("name", "codec", "b_frames"), [("a.mp4", "libx264", 2), ("a.mkv", "mpeg2video", 0)])
def test_a_damaged_file_has_the_same_pictures_each_time(
    name: str, codec: str, b_frames: int, tmp_path: Path
) -> None:
    """Threads that share pictures or slices conceal damage with what other threads have done so far."""
    clip = write_clip(tmp_path / name, shapes(24, 160, 96), gop=20, b_frames=b_frames, codec=codec)
    whole = clip.read_bytes()
    for seed in range(8):
        data = bytearray(whole)
        for place in np.random.default_rng(seed).integers(len(data) // 8, len(data) * 3 // 4, 12):
            data[place] ^= 0xFF
        clip.write_bytes(data)
        with ThreadPoolExecutor(4) as threads:  # which disturb each other
            readings = set(threads.map(_checksums, [clip] * 20))
        assert len(readings) == 1, f"seed {seed}"
        assert len(readings.pop()) > 5


def _checksums(clip: Path) -> tuple[int, ...]:
    decoder = Decoder(clip)
    with closing(decoder):
        return tuple(zlib.crc32(frame.to_ndarray().tobytes()) for frame in decoder.frames())
