"""The first frames of segments, read from the middle of a source at full size."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidstyle.errors import InputError
from vidstyle.frames import Pixels, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.segments.shot_limits import LOOKED_AHEAD, LOOKED_BACK
from vidstyle.temporal.cuts import Cuts
from vidstyle.video.reading.probe import probe
from vidstyle.video.reading.reader import Reader

Span = tuple[Fraction, Fraction]
"""Time and duration of a frame (s)."""

_STEP = 8  # px between the samples of a checksum


class ReadsDifferently(InputError):
    """The source gives other frames from its middle on than from its beginning, or than before."""


class Starts:
    """Looks at places of ``source``, whose frames have these ``spans``."""

    def __init__(self, source: Path, read: ReadOptions, spans: Sequence[Span]) -> None:
        self._source, self._read, self._spans = source, read, spans
        self._info = probe(source, read)
        self._known: dict[tuple[int, bool], tuple[int, bool]] = {}

    def look(self, start: int, begins_shot: bool) -> tuple[int, bool]:
        """The checksum of frame ``start``, and whether a shot begins there if it ``begins_shot``.

        Raises ``ReadsDifferently``.
        """
        key = (start, begins_shot)
        if key not in self._known:
            self._known[key] = self._looked(start, begins_shot and start > 0)
        return self._known[key]

    def _looked(self, start: int, begins_shot: bool) -> tuple[int, bool]:
        first = max(0, start - LOOKED_BACK) if begins_shot else start
        spans = self._spans[first : start + 1 + (LOOKED_AHEAD if begins_shot else 0)]
        cuts, found = Cuts(), None
        is_shot = True
        times: list[Span] = []
        with Reader(self._source, part_of(self._read, self._info, spans[0][0], len(spans))) as reader:
            for place, frame in enumerate(reader, first):
                times.append((frame.time + spans[0][0], frame.duration))
                boundary = cuts.look(frame.pixels)
                if place == start:
                    found = checksum(frame.pixels)
                if begins_shot and place > first:
                    is_odd = boundary.is_return or boundary.is_blank
                    is_shot = is_shot and not is_odd and boundary.is_cut == (place == start)
            is_there = reader.info.start == self._info.start + spans[0][0]
        if not is_there or times != list(spans) or found is None:
            raise ReadsDifferently(f"{self._source} has other times when it is read from its middle on")
        return found, is_shot


def part_of(read: ReadOptions, info: VideoInfo, begin: Fraction, count: int) -> ReadOptions:
    """``read`` for ``count`` of its frames, from the time ``begin`` (s) on."""
    start = info.start - info.origin + begin if begin > 0 else read.start
    return replace(read, start=start, frames=count)


def checksum(pixels: Pixels) -> int:
    """A checksum of samples of a frame (H, W, 3)."""
    return zlib.crc32(np.ascontiguousarray(pixels[::_STEP, ::_STEP]).tobytes())
