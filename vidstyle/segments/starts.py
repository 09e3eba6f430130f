"""The first frames of segments, read from the middle of a source at full size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from vidstyle.errors import InputError
from vidstyle.frames import VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.segments.shot_limits import LOOKED_AHEAD, LOOKED_BACK
from vidstyle.temporal.cuts import Cuts
from vidstyle.video.reading.probe import probe
from vidstyle.video.reading.reader import Reader

Span = tuple[Fraction, Fraction]
"""Time and duration of a frame (s)."""


class ReadsDifferently(InputError):
    """The source gives other frames from its middle on than from its beginning, or than before."""


class Starts:
    """Looks at places of ``source``, whose frames have these ``spans`` and checksums."""

    def __init__(
        self, source: Path, read: ReadOptions, spans: Sequence[Span], checksums: Sequence[int]
    ) -> None:
        self._source, self._read, self._spans, self._checksums = source, read, spans, checksums
        self._info = probe(source, read)
        self._known: dict[tuple[int, bool], bool] = {}

    def is_start(self, start: int, begins_shot: bool) -> bool:
        """Whether a shot begins with the frame ``start`` if it ``begins_shot``.

        Raises ``ReadsDifferently``.
        """
        key = (start, begins_shot)
        if key not in self._known:
            self._known[key] = self._looked(start, begins_shot and start > 0)
        return self._known[key]

    def _looked(self, start: int, begins_shot: bool) -> bool:
        first = max(0, start - LOOKED_BACK) if begins_shot else start
        spans = self._spans[first : start + 1 + (LOOKED_AHEAD if begins_shot else 0)]
        cuts, is_shot = Cuts(), True
        checksums: list[int] = []
        times: list[Span] = []
        part = part_of(self._read, self._info, spans[0][0], len(spans))
        with Reader(self._source, part, checksums=checksums) as reader:
            for place, frame in enumerate(reader, first):
                times.append((frame.time + spans[0][0], frame.duration))
                boundary = cuts.look(frame.pixels)
                if begins_shot and place > first:
                    is_odd = boundary.is_return or boundary.is_blank
                    is_shot = is_shot and not is_odd and boundary.is_cut == (place == start)
            is_there = reader.info.start == self._info.start + spans[0][0]
        expected = list(self._checksums[first : first + len(spans)])
        if not is_there or times != list(spans) or checksums != expected:
            raise ReadsDifferently(f"{self._source} has other pictures when it is read from its middle on")
        return is_shot


def part_of(read: ReadOptions, info: VideoInfo, begin: Fraction, count: int) -> ReadOptions:
    """``read`` for ``count`` of its frames, from the time ``begin`` (s) on."""
    start = info.start - info.origin + begin if begin > 0 else read.start
    return replace(read, start=start, frames=count)
