"""From ticks to exact times: every picture gets its time and duration as fractions, and a part is chosen."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

P = TypeVar("P")

_JUMP = 1  # s back from which a time is a new beginning (a spliced stream), not a picture out of order


@dataclass(frozen=True, slots=True)
class Ticked(Generic[P]):
    """A picture with the times that its file gives it, in seconds; None where it gives none."""

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
    """Makes times rise, and counts what that took."""

    usual: Fraction
    """Seconds from picture to picture where the file does not say."""
    name: str = "the video"
    dropped: int = 0
    """Pictures left out: shown at the same time as another, or too late."""
    guessed: int = 0
    """Pictures without a time of their own, put after the one before."""
    seen: int = 0
    """Pictures that were given a time."""
    last: Fraction = Fraction(0)
    """The time of the last one, in absolute seconds."""

    def __call__(self, pictures: Iterable[Ticked[P]]) -> Iterator[Timed[P]]:
        """Yield ``pictures`` one behind: each duration reaches exactly to the next picture's time.

        The last one keeps the duration that its file gives it; without one, the usual.
        """
        held: Timed[P] | None = None
        shift = Fraction(0)
        for item in pictures:
            if item.time is None:
                time = held.time + self._step(held) if held else Fraction(0)
                self.guessed += 1
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
    """Which part of a video is wanted: absolute seconds, and a number of pictures."""

    start: Fraction | None = None
    end: Fraction | None = None
    frames: int | None = None

    def of(self, pictures: Iterable[Timed[P]]) -> Iterator[Timed[P]]:
        """The pictures from the first at or after ``start`` up to the last before ``end``, and no more read.

        The last picture's duration ends at ``end``.
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
