"""The sound of a part of a clip: where it is in time, and what is no sound."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import Sound, shapes, write_clip
from numpy.typing import NDArray

from vidstyle.errors import InputError
from vidstyle.video.reading.sound import RATE, sound_of_part


def _samples(clip: Path, begin: Fraction, length: Fraction) -> NDArray[np.int16]:
    data = sound_of_part(clip, begin, length)
    assert data is not None
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_a_part_begins_at_its_time_and_is_silent_where_there_is_no_sound(tmp_path: Path, codec: str) -> None:
    suffix = "mp4" if codec == "aac" else "mkv"
    sound = Sound(codec=codec, start=1.0, seconds=1.0)
    clip = write_clip(tmp_path / f"clip.{suffix}", shapes(75, 64, 48), sounds=[sound])
    begin = Fraction(1, 2)
    loud = np.abs(_samples(clip, begin, Fraction(2))).max(1) > 500
    assert len(loud) == 2 * RATE
    first, last = (np.flatnonzero(loud)[[0, -1]] / RATE).tolist()
    assert abs(first - 0.5) < 0.03 and abs(last - 1.5) < 0.05
    whole = _samples(clip, Fraction(0), Fraction(3))
    middle = slice(round(0.7 * RATE), round(1.3 * RATE))
    shifted = whole[middle.start + RATE // 2 : middle.stop + RATE // 2]
    assert np.abs(_samples(clip, begin, Fraction(2))[middle].astype(int) - shifted).max() < 300


def test_a_clip_without_sound_has_none_and_what_is_no_clip_is_told_in_a_line(tmp_path: Path) -> None:
    assert sound_of_part(write_clip(tmp_path / "a.mp4", shapes(2, 64, 48)), Fraction(0), Fraction(1)) is None
    with pytest.raises(InputError):
        sound_of_part(tmp_path / "gone.mp4", Fraction(0), Fraction(1))
