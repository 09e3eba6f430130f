"""The plan of a long film: its segments, and the exact times of all frames, from one pass over the clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, groupby
from pathlib import Path
from typing import Self, TypedDict

import numpy as np

from vidstyle.errors import InputError
from vidstyle.frames import Frame, Pixels, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.pipeline.prefetch import prefetch
from vidstyle.segments.shot_limits import LOOKED_BACK, Look, choose_starts
from vidstyle.segments.starts import ReadsDifferently, Span, Starts
from vidstyle.temporal.cuts import Cuts
from vidstyle.temporal.repaint_forecast import expected_repaint, grey_thumbnail
from vidstyle.video.reading.checksum import joint_checksum
from vidstyle.video.reading.reader import Reader

_SIDE = 256  # px, long side at which cuts are looked for: the largest of ``Cuts``


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a film that is painted and encoded by itself."""

    first: int
    """The number of its first frame, from 0."""
    count: int
    """How many frames it has."""
    begins_shot: bool
    """Whether a shot begins with it; otherwise it goes on from the state after the segment before."""
    checksum: int
    """Of its pictures as they are decoded, to know them again."""

    @property
    def end(self) -> int:
        """The number of the first frame after it."""
        return self.first + self.count

    @property
    def before(self) -> int:
        """How many frames before it are looked at, to tell shots apart as in the whole clip."""
        return min(LOOKED_BACK, self.first) if self.begins_shot else 0


class PlanRecord(TypedDict):
    """A ``FilmPlan`` in JSON's types, with exact times as text."""

    segments: list[tuple[int, int, bool, int]]
    durations: list[tuple[str, int]]
    depth: int
    has_alpha: bool
    skipped: int


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """The segments of a film, in order, and what is known of its frames."""

    segments: tuple[Segment, ...]
    durations: tuple[tuple[Fraction, int], ...]
    """Durations of frames (s), each with the number of frames in a row that have it."""
    depth: int
    """Bits of a frame's samples, 8 or 16."""
    has_alpha: bool
    """Whether the first frame has alpha."""
    skipped: int
    """Damaged packets of the source."""

    def spans(self) -> list[Span]:
        """Time and duration of each frame."""
        durations = [duration for duration, count in self.durations for _ in range(count)]
        return list(zip(accumulate(durations, initial=Fraction(0)), durations, strict=False))

    def to_json(self) -> PlanRecord:
        """All of it in JSON's types; times are exact, as text."""
        return {
            "segments": [(each.first, each.count, each.begins_shot, each.checksum) for each in self.segments],
            "durations": [(str(duration), count) for duration, count in self.durations],
            "depth": self.depth,
            "has_alpha": self.has_alpha,
            "skipped": self.skipped,
        }

    @classmethod
    def from_json(cls, data: PlanRecord) -> Self:
        """The plan whose ``to_json()`` this is; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        return cls(
            tuple(Segment(*each) for each in data["segments"]),
            tuple((Fraction(duration), count) for duration, count in data["durations"]),
            data["depth"],
            data["has_alpha"],
            data["skipped"],
        )


def blank_frame(info: VideoInfo, depth: int, has_alpha: bool, duration: Fraction) -> Frame:
    """A black frame like the first of the clip ``info``, which lasts for ``duration`` s."""
    shape = (info.height, info.width)
    if depth == 8:
        samples: Pixels = np.zeros((*shape, 4), np.uint8)
    else:
        samples = np.zeros((*shape, 4), np.uint16)
    return Frame(samples[..., :3], Fraction(0), duration, samples[..., 3] if has_alpha else None)


def plan_film(
    source: Path,
    read: ReadOptions,
    limit: Fraction,
    *,
    splits_shots: bool,
    on_frame: Callable[[Frame, VideoInfo], object] | None = None,
) -> FilmPlan:
    """Read ``source`` once, and cut it into segments of whole shots of at most ``limit`` seconds.

    A shot longer than that is cut where most will be repainted, if ``splits_shots``. The plan depends on
    the arguments and the clip alone. ``on_frame`` is called with each frame, which may be shrunk. Raises
    ``InputError``.
    """
    early = limit / 2 if splits_shots else None
    try:
        pass_over = _pass(source, read, _SIDE, early, on_frame)
        return _plan(
            pass_over, limit, splits_shots, Starts(source, read, pass_over.spans, pass_over.checksums)
        )
    except ReadsDifferently:  # from the middle on; then cuts are found at full size, and read from the start
        pass_over = _pass(source, read, None, early, on_frame)
        return _plan(pass_over, limit, splits_shots, None)


@dataclass(slots=True)
class _Pass:
    """What is known after all frames were read."""

    looks: list[Look]
    checksums: list[int]
    spans: list[Span]
    depth: int
    has_alpha: bool
    skipped: int


def _pass(
    source: Path,
    read: ReadOptions,
    side: int | None,
    early: Fraction | None,
    on_frame: Callable[[Frame, VideoInfo], object] | None,
) -> _Pass:
    """Read all frames, at most ``side`` px long.

    ``early`` are the seconds at the begin of a shot within which no part of it may begin; None: none begins
    at all. What will be repainted there need not be known.
    """
    looks: list[Look] = []
    checksums: list[int] = []
    spans: list[Span] = []
    cuts, before, first, shot = Cuts(), None, None, Fraction(0)
    reading = Reader(source, read, side=side, checksums=checksums)
    with reading as reader, closing(prefetch(reader, 4, "decode")) as frames:
        for frame in frames:
            first = first or frame
            boundary = cuts.look(frame.pixels)
            is_odd = boundary.is_return or boundary.is_blank
            look = Look(frame.time, boundary.is_cut, is_odd)
            if boundary.is_cut:
                shot = frame.time
            if early is not None:
                now = grey_thumbnail(frame.pixels)
                if before is not None and frame.time - shot >= early and before.shape == now.shape:
                    look = replace(look, repaint=expected_repaint(before, now))
                before = now
            looks.append(look)
            spans.append((frame.time, frame.duration))
            if on_frame is not None:
                on_frame(frame, reader.info)
        skipped, info = reader.skipped, reader.info
    if first is None:
        raise InputError(f"{info.path} has no frames in the selected part; see --start and --end")
    return _Pass(looks, checksums, spans, first.bits, first.alpha is not None, skipped)


def _plan(known: _Pass, limit: Fraction, splits_shots: bool, at_full_size: Starts | None) -> FilmPlan:
    """The plan; a cut that is none ``at_full_size`` begins no segment."""
    looks = known.looks
    end = sum(known.spans[-1], Fraction(0))
    while True:
        starts = choose_starts(looks, end, limit, splits_shots=splits_shots)
        if at_full_size is None:
            break
        found = {start: at_full_size.is_start(start, begins_shot) for start, begins_shot in starts}
        if all(found.values()):
            break
        looks = [
            replace(look, is_cut=look.is_cut and found.get(place, True)) for place, look in enumerate(looks)
        ]
    ends = [*(start for start, _ in starts[1:]), len(looks)]
    return FilmPlan(
        tuple(
            Segment(start, end - start, begins_shot, joint_checksum(known.checksums[start:end]))
            for (start, begins_shot), end in zip(starts, ends, strict=True)
        ),
        tuple(_runs(duration for _, duration in known.spans)),
        known.depth,
        known.has_alpha,
        known.skipped,
    )


def span_seconds(spans: Sequence[Span]) -> Fraction:
    """Seconds from the begin of the first of ``spans`` to the end of the last."""
    return spans[-1][0] + spans[-1][1] - spans[0][0] if spans else Fraction(0)


def _runs(items: Iterable[Fraction]) -> Iterable[tuple[Fraction, int]]:
    for item, group in groupby(items):
        yield item, sum(1 for _ in group)
