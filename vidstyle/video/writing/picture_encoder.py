"""Frames into packets: pictures in the encoder's format, with times in whole ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from vidstyle.errors import OptionError
from vidstyle.frames import Frame, VideoInfo

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

    from vidstyle.video.reading.joins import Packet
    from vidstyle.video.writing.picture_format import PictureFormat

_LARGEST = 2**31 - 1  # the largest numerator or denominator of a file's tick
_FINE = Fraction(1, 90_000)  # s: the tick if no exact one is possible


@dataclass
class TickClock:
    """Times of frames, in order, as whole ticks that rise strictly."""

    tick: Fraction
    """Seconds."""
    lead: Fraction = Fraction(0)
    """Seconds that are added to all times."""
    is_uneven: bool = False
    """Whether frames so far lasted differently long."""
    _last: tuple[int, int] | None = None

    def __call__(self, time: Fraction, duration: Fraction) -> tuple[int, int]:
        """Begin and length, in ticks, of the next frame, which lasts from ``time`` for ``duration`` (s)."""
        begin = self._ticks(time)
        if self._last is not None:
            begin = max(begin, self._last[0] + 1)
        length = max(1, self._ticks(time + duration) - begin)
        self.is_uneven = self.is_uneven or (self._last is not None and length != self._last[1])
        self._last = begin, length
        return begin, length

    def _ticks(self, time: Fraction) -> int:
        return round((time + self.lead) / self.tick)


class PictureEncoder:
    """Encodes frames with the open encoder of ``stream``; each picture waits until it is no longer the last.

    Packets have durations, and times in the clock's ticks.
    """

    def __init__(self, stream: VideoStream, picture_format: PictureFormat, clock: TickClock) -> None:
        self._stream, self._picture_format, self._clock = stream, picture_format, clock
        self._scaler = VideoReformatter()
        self._pending: av.VideoFrame | None = None
        self._pending_ticks = (0, 0)  # its begin and length
        # of pictures in the encoder, in ticks by pts; not all encoders return them
        self._durations: dict[int, int] = {}
        self.last: Frame | None = None
        """The last frame."""

    @property
    def end(self) -> int:
        """When the last frame ends, in ticks."""
        return sum(self._pending_ticks)

    def encode(self, frame: Frame) -> Iterator[Packet]:
        """The packets that are complete once ``frame`` has come; times must rise."""
        if self.last is not None and frame.time <= self.last.time:
            raise OptionError(
                f"times of frames must rise, got {frame.time} s after {self.last.time} s; sort the frames"
            )
        picture = self._picture_format.picture(frame, self._scaler)
        begin, length = self._clock(frame.time, frame.duration)
        picture.pts, picture.duration, picture.time_base = begin, length, self._clock.tick
        before, self._pending, self.last = self._pending, picture, frame
        ticks, self._pending_ticks = self._pending_ticks, (begin, length)
        if before is not None:
            yield from self._encode(before, ticks)

    def finish(self, *, is_last_key: bool = False) -> Iterator[Packet]:
        """All remaining packets; if ``is_last_key`` the last picture is a key picture."""
        assert self._pending is not None
        if is_last_key:
            self._pending.pict_type = PictureType.I
        yield from self._encode(self._pending, self._pending_ticks)
        yield from self._packets(None)

    def _encode(self, picture: av.VideoFrame, ticks: tuple[int, int]) -> Iterator[Packet]:
        self._durations[ticks[0]] = ticks[1]
        yield from self._packets(picture)

    def _packets(self, picture: av.VideoFrame | None) -> Iterator[Packet]:
        for packet in self._stream.encode(picture):
            assert packet.pts is not None and packet.dts is not None  # encoders set both
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
            yield packet


def choose_tick(like: VideoInfo, first: Frame) -> Fraction:
    """The tick (s) of the result's timestamps: the source's own if it is exact.

    Only the first frame's time and duration are known in advance; if they are no multiples of the source's
    tick, a finer one is chosen.
    """
    tick = like.time_base or (1 / like.rate if like.rate else first.duration)
    for time in (first.time, first.duration):
        if time > 0:
            tick = _common_divisor(tick, time) if tick > 0 else time
    return tick if tick > 0 and max(tick.numerator, tick.denominator) <= _LARGEST else _FINE


def _common_divisor(one: Fraction, other: Fraction) -> Fraction:
    """The greatest common divisor of two times (s)."""
    return Fraction(
        math.gcd(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )
