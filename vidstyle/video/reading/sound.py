"""The sound of a part of a clip, decoded into a WAV file."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from vidstyle.errors import InputError
from vidstyle.video.reading.opening import open_container

RATE = 48_000
"""Samples a second."""
_CHANNELS = 2


def sound_of_part(clip: Path, begin: Fraction, length: Fraction) -> bytes | None:
    """The first sound track of ``clip`` for ``length`` seconds from ``begin``, in stereo; None without one.

    ``begin`` is in the clip's own time (s). Where there is no sound it is silent. Raises ``InputError``.
    """
    samples = np.zeros((round(length * RATE), _CHANNELS), np.int16)
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
    container = open_container(clip)
    try:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        container.seek(max(0, round((begin - 1) * av.time_base)))
        place: int | None = None  # of the next sample; frames follow each other without gaps but for a start
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            if place is None:
                place = round((frame.pts * Fraction(frame.time_base) - begin) * RATE)
            for part in resampler.resample(frame):
                values = np.asarray(part.to_ndarray(), np.int16).reshape(-1, _CHANNELS)
                _put(samples, place, values)
                place += len(values)
            if place >= len(samples):
                break
    except av.error.FFmpegError as error:
        raise InputError(f"the sound of {clip.name} cannot be read: {error.strerror}") from error
    finally:
        container.close()
    return _as_wav(samples)


def _put(samples: NDArray[np.int16], place: int, values: NDArray[np.int16]) -> None:
    """Write ``values`` (N, 2) into ``samples`` from ``place`` on, as far as they are within."""
    begin, end = max(0, place), min(len(samples), place + len(values))
    if begin < end:
        samples[begin:end] = values[begin - place : end - place]


def _as_wav(samples: NDArray[np.int16]) -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(_CHANNELS)
        file.setsampwidth(samples.itemsize)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return data.getvalue()
