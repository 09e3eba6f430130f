"""Recordings that were concatenated in one file: their separate clocks are converted to a single one."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    Packet = av.Packet[av.stream.Stream]

log = logging.getLogger(__name__)

_BACK = Fraction(1, 5)  # s: a larger step back is another clock, not packets out of order
_FORWARD = 10  # s: a larger step forward is another clock, not a pause (FFmpeg's limit, too)
_GAP = 1  # s: longest pause or overlap of sound at a join
_NEAR = 5  # s: largest distance between matching sound and video packets in a file
_MOST_HELD = 512  # packets of a stream that are buffered until their clock is known


@dataclass(slots=True)
class _Other:
    """State of a stream other than the video."""

    clock: int = 0  # index of the current clock
    own: Fraction = Fraction(0)  # s: additional shift of this stream alone
    due: Fraction | None = None  # s: end of the last packet, on the single clock
    last: Fraction | None = None  # s: time of the last packet in the file
    held: deque[Packet] = field(default_factory=deque)


class JoinedClock:
    """Changes packets' times to a single clock. Joins are detected in the video stream.

    The first picture after a join follows the last one before it. Other streams switch clocks at their own
    packets, earlier or later in the file; such packets are buffered until the video reaches the join.
    """

    def __init__(self, stream: av.stream.Stream, usual: Fraction, name: str = "") -> None:
        """``usual`` is the duration (s) of a picture of ``stream``; with a ``name`` a join is logged."""
        self._index, self._usual, self._name = stream.index, usual, name
        self._shifts = [Fraction(0)]
        self._last: Fraction | None = None  # s: the last picture's time in the file
        self._now = Fraction(0)  # s: the same on the single clock
        self._due: Fraction | None = None  # s: the last picture's end on the single clock
        self._others: dict[int, _Other] = {}

    def __call__(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """Yield ``packets`` with new times; buffered ones come before the empty ones at the end."""
        for packet in packets:
            if packet.size == 0:
                yield from self._released()
                yield packet
            elif packet.stream.index == self._index:
                yield self._picture(packet)
                for other in self._others.values():
                    yield from self._ready(other)
            else:
                other = self._others.setdefault(packet.stream.index, _Other())
                other.held.append(packet)
                yield from self._ready(other)
        yield from self._released()

    def _picture(self, packet: Packet) -> Packet:
        time = _time(packet.dts if packet.dts is not None else packet.pts, packet)
        if time is None:
            return packet
        step = _time(packet.duration or None, packet) or self._usual
        if packet.pts is not None and packet.dts is not None and self._due is not None:
            # FFmpeg guesses the last picture's time before a join from the clock after it
            ahead = (packet.pts - packet.dts) * Fraction(packet.time_base)
            if not 0 <= ahead <= _NEAR:
                packet.pts = round((self._due - self._shifts[-1]) / Fraction(packet.time_base))
        presented = time if packet.pts is None else _time(packet.pts, packet) or Fraction(0)
        if self._last is not None and self._due is not None:
            jump = time - self._last
            # a recording begins with a keyframe, before whose time no later packet is shown
            is_restart = packet.is_keyframe and jump < 0 and presented + self._shifts[-1] < self._due - step
            if is_restart or jump < -_BACK or jump > _FORWARD:
                self._log_join(jump)
                self._shifts.append(self._due - presented)
        self._last, self._now = time, time + self._shifts[-1]
        end = presented + self._shifts[-1] + step
        self._due = end if self._due is None else max(self._due, end)
        return _shifted(packet, self._shifts[-1])

    def _log_join(self, jump: Fraction) -> None:
        if self._name and len(self._shifts) == 1:
            log.warning(
                "%s: its clock jumps %s by %.2f s at %.2f s; taken for joined recordings and read on",
                self._name,
                "back" if jump < 0 else "forward",
                abs(float(jump)),
                float(self._due or 0),
            )

    def _ready(self, other: _Other, *, at_once: bool = False) -> Iterator[Packet]:
        """The buffered packets whose clock is known; all of them if ``at_once``."""
        while other.held:
            packet = other.held[0]
            time = _time(packet.dts if packet.dts is not None else packet.pts, packet)
            if time is not None and not self._has_clock(other, time):
                if len(other.held) < _MOST_HELD and not at_once:
                    return
                self._force(other, time)
            other.held.popleft()
            shift = self._shifts[other.clock] + other.own
            if time is not None:
                other.last = time
                time += shift
                length = _time(packet.duration or None, packet) or Fraction(0)
                if other.due is not None and time < other.due - (length / 2 or _BACK):
                    continue  # overlaps the other recording's sound
                end = time + length
                other.due = end if other.due is None else max(other.due, end)
            yield _shifted(packet, shift)

    def _has_clock(self, other: _Other, time: Fraction) -> bool:
        """Whether ``time`` continues the stream on the current clock or a later one; that becomes current."""
        if other.due is None:  # a stream may begin after a join
            clocks = range(len(self._shifts))
            other.clock = min(clocks, key=lambda clock: abs(time + self._shifts[clock] - self._now))
            return True
        goes_back = other.last is not None and time < other.last  # impossible within one clock
        for clock in range(other.clock + goes_back, len(self._shifts)):
            placed = time + self._shifts[clock] + other.own
            later = placed - other.due
            if later >= -_BACK and (later <= _GAP or abs(placed - self._now) <= _NEAR):
                other.clock = clock
                return True
        return False

    def _force(self, other: _Other, time: Fraction) -> None:
        """Take the clock that fits best, and shift the stream if its time would still go back."""
        assert other.due is not None
        due = other.due - other.own
        other.clock = min(
            range(other.clock, len(self._shifts)), key=lambda clock: abs(time + self._shifts[clock] - due)
        )
        placed = time + self._shifts[other.clock] + other.own
        if placed < other.due - _GAP:
            other.own += other.due - placed

    def _released(self) -> Iterator[Packet]:
        for other in self._others.values():
            yield from self._ready(other, at_once=True)


def _time(ticks: int | None, packet: Packet) -> Fraction | None:
    return None if ticks is None else ticks * Fraction(packet.time_base)


def _shifted(packet: Packet, shift: Fraction) -> Packet:
    ticks = round(shift / Fraction(packet.time_base)) if shift else 0
    if ticks and packet.pts is not None:
        packet.pts += ticks
    if ticks and packet.dts is not None:
        packet.dts += ticks
    return packet
