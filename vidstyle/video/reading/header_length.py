"""The duration of a file's video stream by its header, checked for plausibility."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from vidstyle.video.reading.decoder import Decoder
from vidstyle.video.reading.demuxers import demuxer_of
from vidstyle.video.reading.length import has_one_clock, likely_length
from vidstyle.video.reading.opening import is_cut_off

_UNLIKELY = 8  # a header's duration over that estimated from the byte rate, from which it is ignored


def known_duration(decoder: Decoder) -> Fraction | None:
    """Estimated duration (s) of the video stream, or else of the whole file; None: unknown."""
    stream, container = decoder.stream, decoder.container
    if demuxer_of(container).may_be_joined and container.duration:
        # of several recordings FFmpeg's duration is the difference of unrelated clocks
        if not has_one_clock(decoder.path):
            return None
        likely = likely_length(decoder.path)
        if likely is not None and Fraction(container.duration, av.time_base) > _UNLIKELY * likely:
            return None
    if stream.duration and stream.time_base:
        return Fraction(stream.duration * stream.time_base)
    tagged = _tagged_end(stream)
    if tagged is None and container.duration:
        return Fraction(container.duration, av.time_base)
    return tagged


def expected_end(decoder: Decoder) -> Fraction | None:
    """End (s, the file's time) of the last picture by the header; None if it has no reliable one."""
    stream = decoder.stream
    tagged = _tagged_end(stream)
    if tagged is not None:
        return tagged
    ticks, demuxer = stream.duration or 0, demuxer_of(decoder.container)
    if demuxer.has_frame_counts:
        ticks = max(ticks, stream.frames)
    if not ticks or not stream.time_base or not (demuxer.has_stream_durations or is_cut_off(decoder.path)):
        return None
    return Fraction(((stream.start_time or 0) + ticks) * stream.time_base)


def _tagged_end(stream: Any) -> Fraction | None:
    """The end (s) of a Matroska stream by its DURATION tag (00:00:05.280000000); None without one."""
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None
