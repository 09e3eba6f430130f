"""Durations measured from a video's packets, for headers without a plausible one."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av.error

from vidstyle.video.reading.decoder import rate_of
from vidstyle.video.reading.demuxers import demuxer_of
from vidstyle.video.reading.joins import JoinedClock
from vidstyle.video.reading.opening import open_video
from vidstyle.video.reading.pipes import is_pipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.stream import VideoStream

    from vidstyle.video.reading.joins import Packet

_BEGINNING = 250  # packets from which a file's byte rate is estimated
_PLACES = 16  # positions of a file at which its times are sampled
_BACK = Fraction(1)  # s: the largest step back of reordered packets


def measured_length(path: Path) -> Fraction:
    """Duration (s) of the video stream of ``path``, from all of its packets, without decoding.

    Raises ``InputError`` if it cannot be opened.
    """
    container, stream = open_video(path)
    with container:
        usual = 1 / rate_of(stream)
        packets = cast("Iterator[Packet]", container.demux(stream))
        if demuxer_of(container).may_be_joined:
            packets = JoinedClock(stream, usual)(packets)
        count = 0
        times: list[Fraction] = []
        with suppress(av.error.FFmpegError, IndexError):  # damaged: up to where it can be read
            for packet in packets:
                count += packet.size > 0
                time = _time_of(packet)
                times = times if time is None else [min([*times[:1], time]), max([*times[1:], time])]
    return times[-1] - times[0] + usual if len(times) > 1 and times[0] < times[1] else count * usual


def has_one_clock(path: Path) -> bool:
    """Whether times rise over sampled positions of a file, as in a single recording; False for a pipe."""
    if is_pipe(path):
        return False  # which cannot seek to its end
    container, stream = open_video(path)
    latest: Fraction | None = None
    size = path.stat().st_size
    with container, suppress(av.error.FFmpegError, IndexError, StopIteration):
        for place in range(_PLACES):
            container.seek(size * place // _PLACES, any_frame=True, unsupported_byte_offset=True)
            packets = cast("Iterator[Packet]", container.demux(stream))
            time = next(time for packet in packets if (time := _time_of(packet)) is not None)
            if latest is not None and time < latest - _BACK:
                return False
            latest = time
    return True


def likely_length(path: Path) -> Fraction | None:
    """Duration (s) estimated from the file's size and the byte rate of its beginning; None: unknown."""
    places: list[int] = []
    times: list[Fraction] = []
    container, stream = open_video(path)
    with container:
        for packet in islice(container.demux(stream), _BEGINNING):
            time = _time_of(packet)
            if packet.pos is not None and packet.pos >= 0 and time is not None:
                if times and not times[-1] - _BACK <= time <= times[-1] + 10:  # of another clock
                    break
                places.append(packet.pos)
                times.append(time)
    if len(times) < 2 or places[-1] <= places[0] or times[-1] <= times[0]:
        return None
    return (times[-1] - times[0]) * path.stat().st_size / (places[-1] - places[0])


def _time_of(packet: Packet | av.Packet[VideoStream]) -> Fraction | None:
    ticks = packet.pts if packet.pts is not None else packet.dts
    return None if ticks is None or not packet.size else ticks * Fraction(packet.time_base)
