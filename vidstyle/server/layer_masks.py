"""The masks of one layer of a clip: those that were brushed, and how far they have been carried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from pathlib import Path

from vidstyle.frames import VideoInfo
from vidstyle.server.mask_clips import Values

Part = tuple[Fraction, Fraction]
"""Begin and end (s) of a part of a clip."""
NEAR, FAR = Fraction(2), Fraction(10)
"""s around a frame that was brushed, to which its mask is carried at once."""
_AHEAD = Fraction(3)  # s after it, to which it is carried first: what is played from it


@dataclass(eq=False)
class LayerMasks:
    """The masks of one layer; whoever uses them holds the lock of ``Masks``."""

    path: Path
    info: VideoInfo
    elsewhere: float
    brushed: dict[Fraction, Values] = field(default_factory=dict)
    """By the time that the page asks for the frame by."""
    tabs: dict[Fraction, str] = field(default_factory=dict)
    """By the same time, the tab of the page that brushed it last; empty: none, as in a project."""
    carried: dict[Fraction, bytes] = field(default_factory=dict)
    """Packed by zlib, by the frame's exact time."""
    times: list[Fraction] = field(default_factory=list)
    """The keys of ``carried`` in order."""
    due: list[Part] = field(default_factory=list)
    """To which masks are to be carried, the next one first."""
    fresh: list[Part] = field(default_factory=list)
    """To which the masks that are brushed now have been carried."""
    going_on: Part | None = None
    """To which they are being carried by the thread for that."""
    version: int = 0
    number: int = field(default_factory=count(1).__next__)
    """Of all layers there have been, so that no other one is called so."""

    def forget_carried(self) -> None:
        """Carry nothing more, and keep what was brushed only."""
        self.version += 1
        self.carried, self.times, self.due, self.fresh = {}, [], [], []

    @property
    def step(self) -> Fraction:
        """The time (s) from one frame to the next, about."""
        return 1 / self.info.rate if self.info.rate else Fraction(1, 25)


def parts_around(time: Fraction, duration: Fraction | None) -> list[Part]:
    """Parts (s) to which a mask brushed at ``time`` is carried; none that is within one before it."""
    # forward first: frames before the brushed one wait for it
    wanted = [(time, time + _AHEAD), (time - NEAR, time + NEAR), (time - FAR, time + FAR)]
    parts: list[Part] = []
    for begin, end in wanted:
        part = max(Fraction(0), begin), min(end, duration or end)
        if not any(is_within(part, [other]) for other in parts):
            parts.append(part)
    return parts


def is_within(part: Part, parts: Iterable[Part]) -> bool:
    """Whether ``parts`` together cover ``part``."""
    reached, end = part
    for begin, until in sorted(parts):
        if begin <= reached:
            reached = max(reached, until)
    return reached >= end
