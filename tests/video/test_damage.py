"""Damaged files of all kinds: frames or one clear line, in good time, and nothing left behind."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

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
