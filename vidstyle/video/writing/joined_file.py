"""Segments of a long film joined into the result, which appears when it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import av.error

from vidstyle.errors import InputError, VidstyleError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.video.containers import FOLDER
from vidstyle.video.pictures.picture_decoder import read_picture
from vidstyle.video.streams.passthrough import warn_of_lost_sound
from vidstyle.video.writing.muxed_file import MuxedFile
from vidstyle.video.writing.picture_encoder import TickClock
from vidstyle.video.writing.picture_format import choose_format
from vidstyle.video.writing.target import OnComplete, OutputPlan, PartFile, cannot_keep
from vidstyle.video.writing.writer import Writer

if TYPE_CHECKING:
    from vidstyle.video.reading.joins import Packet

Span = tuple[Fraction, Fraction]
"""Time and duration of a frame, in seconds."""


@dataclass(frozen=True, slots=True)
class JoinedSegment:
    """A segment that ``SegmentFile`` wrote."""

    path: Path
    spans: Sequence[Span]
    """Of its frames, in the film's time."""
    order: Sequence[int]
    """``SegmentFile.order``."""


def join_segments(
    segments: Sequence[JoinedSegment],
    plan: OutputPlan,
    *,
    like: VideoInfo,
    first: Frame,
    tick: Fraction,
    delay: int,
    is_last_key: bool,
    tags: Mapping[str, str],
    on_complete: OnComplete | None = None,
) -> None:
    """Write the target of ``plan``, with sound, subtitles, chapters and tags of the source.

    Packets are copied, with times from ``spans``; pictures are copied or linked; of animations the pictures
    are encoded, since a palette is that of the whole. ``like``, ``first``, ``tick`` and ``is_last_key`` are
    those of the segments, ``delay`` the largest of theirs; ``on_complete`` is that of ``PartFile``. Raises
    ``OutputError``, and ``InputError`` for a segment that is not whole; the target is then as it was before.
    """
    if plan.container is FOLDER:
        _join_pictures(segments, plan, on_complete)
        return
    source = None if like.is_still_sequence else like.path
    if plan.container.is_animation:
        with Writer(plan, like=like, source=source, tags=tags, on_complete=on_complete) as writer:
            for frame in _frames(segments):
                writer.write(frame)
        return
    if source is not None and plan.container.sound is None:
        warn_of_lost_sound(source, plan.target)
    picture_format = choose_format(plan.encoder, first, like, plan.options, plan.target)
    part = PartFile(plan.target, on_complete)
    muxed: MuxedFile | None = None
    part.claim()
    try:
        muxed = MuxedFile(part.path, plan, picture_format, first, tick, like=like, source=source, tags=tags)
        clock = TickClock(tick, muxed.lead)
        times = [clock(*span) for segment in segments for span in segment.spans]
        for packet in _timed(segments, times, tick, delay):
            packet.stream = muxed.stream
            muxed.mux(packet)
        muxed.finish(sum(times[-1]), segments[-1].spans[-1][1], stretches=is_last_key)
        part.keep()
    except (av.error.FFmpegError, OSError) as error:
        raise _output_error(plan.target, error) from error
    finally:
        part.discard()  # before closing, which would otherwise rewrite an MP4 (faststart)
        if muxed is not None:
            with suppress(Exception):
                muxed.abort()
        part.discard()
        part.release()


def _timed(
    segments: Sequence[JoinedSegment], times: Sequence[tuple[int, int]], tick: Fraction, delay: int
) -> Iterator[Packet]:
    """The packets of ``segments`` in order of decoding, in ticks; ``times`` are begin and length of frames.

    Decoding times are made anew: a frame's is the time at which the one ``delay`` places before it is shown.
    """
    begin = 0
    for segment in segments:
        packets = _packets(segment)
        for place, (packet, shown) in enumerate(zip(packets, segment.order, strict=True), begin):
            packet.time_base = tick
            packet.pts, packet.duration = times[begin + shown]
            packet.dts = _decoding_time(place, times, min(delay, len(times) - 1))
            yield packet
        begin += len(segment.spans)


def _decoding_time(place: int, times: Sequence[tuple[int, int]], delay: int) -> int:
    if place >= delay:
        return times[place - delay][0]
    return times[place][0] - (times[delay][0] - times[0][0])


def _packets(segment: JoinedSegment) -> Iterator[Packet]:
    """The packets of one segment as they are in its file; raises ``InputError`` unless all are there."""
    count = 0
    with av.open(f"file:{segment.path.absolute()}") as file:
        packets = cast("Iterator[Packet]", file.demux(file.streams.video[0]))
        for packet in packets:
            if packet.size:
                count += 1
                if count > len(segment.order):
                    break
                yield packet
    if count != len(segment.spans):
        raise InputError(f"{segment.path} has not the {len(segment.spans)} pictures of its segment")


def _frames(segments: Iterable[JoinedSegment]) -> Iterator[Frame]:
    for segment in segments:
        for path, span in zip(_pictures(segment), segment.spans, strict=True):
            pixels, alpha = read_picture(path)
            yield Frame(pixels, *span, alpha)


def _join_pictures(
    segments: Sequence[JoinedSegment], plan: OutputPlan, on_complete: OnComplete | None
) -> None:
    """One folder of all pictures, numbered through; they are linked where the file system can."""
    part = PartFile(plan.target, on_complete)
    count = 0
    part.claim()
    try:
        part.discard()
        part.path.mkdir()
        for segment in segments:
            for picture in _pictures(segment):
                count += 1
                _link(picture, part.path / f"{count:06d}.png")
        part.keep()
    except OSError as error:
        raise cannot_keep(plan.target, error) from error
    finally:
        part.discard()
        part.release()


def _pictures(segment: JoinedSegment) -> list[Path]:
    """The pictures of a segment in order; raises ``InputError`` unless all are there."""
    pictures = sorted(segment.path.glob("*.png"), key=lambda path: int(path.stem))
    if len(pictures) != len(segment.spans):
        raise InputError(f"{segment.path} has not the {len(segment.spans)} pictures of its segment")
    return pictures


def _link(picture: Path, target: Path) -> None:
    try:
        os.link(picture, target)
    except OSError:  # another disk, or a file system without hard links
        shutil.copyfile(picture, target)


def _output_error(target: Path, error: Exception) -> VidstyleError:
    if isinstance(error, OSError) and error.errno:
        return cannot_keep(target, error)
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"the segments of {target} cannot be joined ({reason}); give --restart")
