"""Frames of the selected part of a video file: upright full-range RGB with exact times."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av

from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.video.color.tags import has_alpha
from vidstyle.video.reading.checksum import checksum_of
from vidstyle.video.reading.converter import Converter
from vidstyle.video.reading.cropping import crop_of
from vidstyle.video.reading.decoder import Decoder, known_rate, rate_of, time_of
from vidstyle.video.reading.deinterlace import deinterlaced
from vidstyle.video.reading.header_length import expected_end, known_duration
from vidstyle.video.reading.shrinking import shrinking
from vidstyle.video.reading.timeline import Part, Ticked, Timed, Timeline

log = logging.getLogger(__name__)


class VideoFile:
    """The frames of one video file; iterate once, and close."""

    def __init__(
        self,
        path: Path,
        options: ReadOptions,
        side: int | None = None,
        checksums: list[int] | None = None,
    ) -> None:
        """Open ``path`` and decode up to the first selected frame; see ``Reader`` for the last two.

        Raises:
            InputError: the file cannot be read.
            OptionError: the selected part is empty.
        """
        if options.start is not None and options.end is not None and options.end <= options.start:
            raise OptionError(
                f"--end {float(options.end):g} must come after --start {float(options.start):g}"
            )
        self._options, self._checksums = options, checksums
        self._decoder = Decoder(path, options.hwaccel)
        try:
            stream = self._decoder.stream
            rate = known_rate(stream)
            self._timeline = Timeline(1 / rate_of(stream), str(path))
            origin = self._decoder.origin
            self._part = Part(
                None if options.start is None else origin + options.start,
                None if options.end is None else origin + options.end,
                options.frames,
            )
            self._pictures = self._timed()
            first = next(self._pictures, None)
            if first is None:
                raise self._no_frames_error()
            self._first = first
            crop = crop_of(path, stream)
            self._shrink = None if side is None else shrinking(first.picture, stream, crop, side)
            self._converter = Converter(path, self._shrunk(first.picture), stream, options.hdr, crop)
            self.info = self._describe(first, rate)
        except BaseException:
            self.close()
            raise

    @property
    def skipped(self) -> int:
        """Damaged packets so far and, once read to the end, pictures that a truncated file lacks."""
        return self._decoder.skipped + self._lost

    _lost = 0

    def __iter__(self) -> Generator[Frame, None, None]:
        last = self._first
        for item in chain((self._first,), self._pictures):
            if self._checksums is not None:
                self._checksums.append(checksum_of(item.picture))
            pixels, alpha = self._converter(self._shrunk(item.picture))
            yield Frame(pixels, item.time - self.info.start, item.duration, alpha)
            last = item
        self._report(last)

    def close(self) -> None:
        self._decoder.close()

    def _shrunk(self, picture: av.VideoFrame) -> av.VideoFrame:
        return picture if self._shrink is None else self._shrink(picture)

    def _timed(self) -> Iterator[Timed[av.VideoFrame]]:
        decoded = deinterlaced(self._decoder.frames(self._part.start), str(self._decoder.path))
        ticked = (Ticked(frame, time_of(frame), _duration_of(frame)) for frame in decoded)
        return iter(self._part.of(self._timeline(ticked)))

    def _no_frames_error(self) -> InputError | OptionError:
        path, start = self._decoder.path, self._options.start
        if self._timeline.seen == 0:
            failed = self._decoder.skipped
            return InputError(f"{path}: none of its pictures could be decoded ({failed} damaged packets)")
        if start is not None:
            last = float(self._timeline.last - self._decoder.origin)
            return OptionError(
                f"{path} has no picture from --start {float(start):g} on; its last is at {last:.3f} s"
            )
        return OptionError(f"{path} has no picture before --end {float(self._options.end or 0):g}")

    def _describe(self, first: Timed[av.VideoFrame], rate: Fraction | None) -> VideoInfo:
        stream, container = self._decoder.stream, self._decoder.container
        aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
        converter = self._converter
        start = first.time
        duration = known_duration(self._decoder)
        if duration is not None:
            end = self._decoder.origin + duration
            duration = max(min(end, self._part.end or end) - start, first.duration)
        frames = None if duration is None or rate is None else max(1, round(duration * rate))
        wanted = self._options.frames
        if frames is not None and wanted is not None and wanted < frames:
            frames = wanted
            duration = None if rate is None else wanted / rate
        return VideoInfo(
            path=self._decoder.path,
            width=converter.width,
            height=converter.height,
            bits=converter.bits,
            samples=first.picture.format.name,
            has_alpha=has_alpha(first.picture.format),
            pixel_aspect=1 / aspect if converter.is_turned else aspect,
            rate=rate,
            time_base=stream.time_base,
            duration=duration,
            frames=frames,
            start=start,
            origin=self._decoder.origin,
            color=converter.result_tags,
            codec=stream.codec_context.codec.canonical_name,
            container=container.format.name,
            tags=tuple(container.metadata.items()),
        )

    def _report(self, last: Timed[av.VideoFrame]) -> None:
        """Log what was wrong with the file, after its last frame was read."""
        path, timeline = self._decoder.path, self._timeline
        reads_to_end = self._part.end is None and self._options.frames is None
        if reads_to_end:
            self._lost = self._count_lost(last)
        if self._lost:
            log.warning("%s ends early: about %d pictures at its end are lost", path, self._lost)
        if self._decoder.skipped:
            log.warning("%s: %d damaged packets were skipped", path, self._decoder.skipped)
        if self._decoder.damaged:
            log.warning(
                "%s: %d damaged pictures are shown as far as they could be decoded",
                path,
                self._decoder.damaged,
            )
        if timeline.dropped:
            log.warning(
                "%s: %d pictures with the time of another or out of order were left out",
                path,
                timeline.dropped,
            )

    def _count_lost(self, last: Timed[av.VideoFrame]) -> int:
        """Pictures missing after the ``last`` one by the header's duration, less those counted as damaged."""
        end = expected_end(self._decoder)
        if end is None:
            return 0
        missing = end - (last.time + last.duration)
        step = self._timeline.usual
        # headers are often off by a picture or two
        lost = round(missing / step) if missing > max(3 * step, Fraction(1, 5)) else 0
        return max(0, lost - self._decoder.failed_in_a_row)


def _duration_of(frame: av.VideoFrame) -> Fraction | None:
    if not frame.duration or not frame.time_base:
        return None
    return frame.duration * Fraction(frame.time_base.numerator, frame.time_base.denominator)
