"""The duration of a file's video stream by its header, checked for plausibility."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from vidstyle.video.reading.decoder import Decoder
from vidstyle.video.reading.joins import may_be_joined
from vidstyle.video.reading.length import has_one_clock, likely_length
from vidstyle.video.reading.opening import is_cut_off

_UNLIKELY = 8  # a header's duration over that estimated from the byte rate, from which it is ignored
_HAVE_STREAM_LENGTHS = ("mov,mp4,m4a,3gp,3g2,mj2", "avi", "mxf")  # formats with the duration of each stream


def known_duration(decoder: Decoder) -> Fraction | None:
    """Estimated duration (s) of the video stream, or else of the whole file; None: unknown."""
    stream, container = decoder.stream, decoder.container
    if may_be_joined(container) and container.duration:
        # of several recordings FFmpeg's duration is the difference of unrelated clocks
        if not has_one_clock(decoder.path):
            return None
        likely = likely_length(decoder.path)
        if likely is not None and Fraction(container.duration, av.time_base) > _UNLIKELY * likely:
            return None
    if stream.duration and stream.time_base:
        return Fraction(stream.duration * stream.time_base)
    noted = _noted_end(stream)
    if noted is None and container.duration:
        return Fraction(container.duration, av.time_base)
    return noted


def promised_end(decoder: Decoder) -> Fraction | None:
    """End (s, the file's time) of the last picture by the header; None if it has no reliable one."""
    stream = decoder.stream
    noted = _noted_end(stream)
    if noted is not None:
        return noted
    ticks, name = stream.duration or 0, decoder.container.format.name
    if name == "avi":  # FFmpeg shortens the duration of a truncated file
        ticks = max(ticks, stream.frames)
    # other headers have the duration of the file, not of its video stream
    if not ticks or not stream.time_base or not (name in _HAVE_STREAM_LENGTHS or is_cut_off(decoder.path)):
        return None
    return Fraction(((stream.start_time or 0) + ticks) * stream.time_base)


def _noted_end(stream: Any) -> Fraction | None:
    """The end (s) of a Matroska stream by its DURATION tag (00:00:05.280000000); None without one."""
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
