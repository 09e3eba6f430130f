"""How long the pictures of a file are, as far as what it says can be believed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from vidstyle.video.reading.decoder import Decoder
from vidstyle.video.reading.joins import may_be_joined
from vidstyle.video.reading.length import has_one_clock, likely_length
from vidstyle.video.reading.opening import is_cut_off

_UNLIKELY = 8  # times as long as the bytes of a file last at the rate that it begins with
_TELL_LENGTH = ("mov,mp4,m4a,3gp,3g2,mj2", "avi", "mxf")  # their headers hold the length of each stream


def known_duration(decoder: Decoder) -> Fraction | None:
    """Seconds of the pictures, or else of the whole file: an estimate."""
    stream, container = decoder.stream, decoder.container
    if may_be_joined(container) and container.duration:
        # what lies between the clocks of two recordings is no length
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
    """Where the last picture should end (s, the file's own time), if its header can be trusted so far."""
    stream = decoder.stream
    noted = _noted_end(stream)
    if noted is not None:
        return noted
    ticks, name = stream.duration or 0, decoder.container.format.name
    if name == "avi":  # FFmpeg believes the size of a file that is cut off more than its header
        ticks = max(ticks, stream.frames)
    # other headers know how long the file is, sound and all, not how long its pictures are
    if not ticks or not stream.time_base or not (name in _TELL_LENGTH or is_cut_off(decoder.path)):
        return None
    return Fraction(((stream.start_time or 0) + ticks) * stream.time_base)


def _noted_end(stream: Any) -> Fraction | None:
    """The end of a Matroska stream as a tag of its own has it: 00:00:05.280000000."""
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
