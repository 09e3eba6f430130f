"""Exact, strictly rising times and durations of pictures, and the selection of a part."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

P = TypeVar("P")

_JUMP = 1  # s: a larger step back is a splice, not a picture out of order


@dataclass(frozen=True, slots=True)
class Ticked(Generic[P]):
    """A picture with the time and duration (s) of its file; None where it has none."""

    picture: P
    time: Fraction | None
    duration: Fraction | None


@dataclass(frozen=True, slots=True)
class Timed(Generic[P]):
    """A picture with its exact absolute time and duration, in seconds."""

    picture: P
    time: Fraction
    duration: Fraction


@dataclass
class Timeline:
    """Makes times rise strictly, and counts the corrections."""

    usual: Fraction
    """Duration (s) of a picture without one."""
    name: str = "the video"
    dropped: int = 0
    """Pictures left out, as their time is not after the last one's."""
    seen: int = 0
    """Pictures that were not left out."""
    last: Fraction = Fraction(0)
    """Absolute time (s) of the last picture."""

    def __call__(self, pictures: Iterable[Ticked[P]]) -> Iterator[Timed[P]]:
        """Yield each of ``pictures`` once the next is read, with a duration that reaches exactly to it.

        The last one keeps its file's duration, or else ``usual``.
        """
        held: Timed[P] | None = None
        shift = Fraction(0)
        for item in pictures:
            if item.time is None:
                time = held.time + self._step(held) if held else Fraction(0)
            else:
                time = item.time + shift
            if held is not None and time < held.time - _JUMP:
                log.warning(
                    "%s: times jump back by %.2f s at %.2f s; taken for a splice and read on",
                    self.name,
                    float(held.time - time),
                    float(held.time),
                )
                shift += held.time + self._step(held) - time
                time = held.time + self._step(held)
            if held is not None and time <= held.time:
                self.dropped += 1
                continue
            self.seen, self.last = self.seen + 1, time
            if held is not None:
                yield replace(held, duration=time - held.time)
            held = Timed(item.picture, time, item.duration or Fraction(0))
        if held is not None:
            yield replace(held, duration=self._step(held))

    def _step(self, held: Timed[P]) -> Fraction:
        return held.duration if held.duration > 0 else self.usual


@dataclass(frozen=True, slots=True)
class Part:
    """The selected part of a video: absolute times (s) and a largest number of pictures; None: no limit."""

    start: Fraction | None = None
    end: Fraction | None = None
    frames: int | None = None

    def of(self, pictures: Iterable[Timed[P]]) -> Iterator[Timed[P]]:
        """The pictures at or after ``start`` and before ``end``; reading stops there.

        The last picture's duration is cut at ``end``.
        """
        count = 0
        for item in pictures:
            if self.start is not None and item.time < self.start:
                continue
            if self.end is not None and item.time >= self.end:
                return
            if self.end is not None and item.time + item.duration > self.end:
                item = replace(item, duration=self.end - item.time)
            yield item
            count += 1
            if count == self.frames:
                return
