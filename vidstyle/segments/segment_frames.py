"""The frames of one segment, read from the middle of the source, and checked to be those of the plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain, islice, repeat
from types import TracebackType

from vidstyle.frames import Frame, VideoInfo
from vidstyle.segments.segment_job import Job
from vidstyle.segments.starts import ReadsDifferently, part_of
from vidstyle.video.reading.checksum import joint_checksum
from vidstyle.video.reading.reader import Reader


class SegmentFrames:
    """The frames of a segment with the film's times; a context, iterated once.

    Args:
        job: the segment.
        before: how many frames before it come first.
        seeks: whether reading begins near the segment; otherwise at the beginning of the source.

    Raises ``ReadsDifferently`` where frames are not those of the plan: of damaged files some are read
    differently from their middle on.
    """

    skipped = 0

    def __init__(self, job: Job, before: int, *, seeks: bool) -> None:
        self._job, self._before, self._seeks = job, before, seeks
        self.info: VideoInfo = job.film.info

    def __enter__(self) -> SegmentFrames:
        film, spans = self._job.film, self._spans
        self._begin = spans[0][0] if self._seeks else Fraction(0)
        read = film.read
        if self._begin > 0:
            read = part_of(read, film.info, self._begin, len(spans))
        self._checksums: list[int] = []
        self._reader = Reader(film.source, read, checksums=self._checksums)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    def __iter__(self) -> Iterator[Frame]:
        segment, spans = self._job.segment, self._spans
        left_out = 0 if self._begin > 0 else segment.first - self._before
        frames = islice(self._reader, left_out, left_out + len(spans))
        if self._reader.info.start != self._job.film.info.start + self._begin:
            raise self._error()
        ended = repeat(None)
        for frame, (time, duration) in zip(chain(frames, ended), spans, strict=False):
            if frame is None or (frame.time + self._begin, frame.duration) != (time, duration):
                raise self._error()
            yield replace(frame, time=time)
        # after its last picture: what is painted by then is given up, which only damaged files cost
        begin = left_out + self._before
        if joint_checksum(self._checksums[begin : begin + segment.count]) != segment.checksum:
            raise self._error()

    @property
    def _spans(self) -> tuple[tuple[Fraction, Fraction], ...]:
        return self._job.spans[self._job.segment.before - self._before :]

    def _error(self) -> ReadsDifferently:
        return ReadsDifferently(
            f"{self._job.film.source} gives other pictures than when the film was planned; "
            "if the file has changed, give --restart"
        )
