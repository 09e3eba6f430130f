"""Demuxes and decodes a video file from any time on, skipping damaged packets."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import cached_property
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from vidstyle.errors import InputError
from vidstyle.video.reading.demuxers import demuxer_of
from vidstyle.video.reading.joins import JoinedClock
from vidstyle.video.reading.opening import open_video, reason
from vidstyle.video.reading.pipes import check_interruption

if TYPE_CHECKING:
    from vidstyle.video.reading.joins import Packet

log = logging.getLogger(__name__)

_DEFAULT_RATE = Fraction(25)  # pictures a second of a file without a frame rate
_MOST_FAILURES = 300  # consecutive packets without a picture, after which reading stops
# s before the target time to seek to, in turn, then from the beginning: seeks may land late
_STEPS_BACK = (Fraction(1, 5), Fraction(2), Fraction(12))

_NO_TIMES: int = av.format.Flags.no_timestamps.value  # type: ignore[assignment]  # of elementary streams: .h264, .m2v
_REORDERED = 17  # pictures: the largest reorder delay of codecs (16) and the current one

# FFmpeg's native decoders drop the alpha of these codecs; libvpx decodes it
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

# their decoders conceal damage across the slices that threads decode
_SHARED_SLICES = ("mpeg1video", "mpeg2video")


class Decoder:
    """The pictures of one video file in presentation order; the caller closes it."""

    def __init__(self, path: Path, hwaccel: str = "none") -> None:
        """Open ``path``; ``hwaccel`` is as in ``ReadOptions``. Raises ``InputError``."""
        self.path, self._hwaccel = path, hwaccel
        self.skipped = 0
        """Packets that could not be decoded."""
        self.damaged = 0
        """Pictures that were decoded but flagged as corrupt."""
        self.failed_in_a_row = 0
        """Consecutive failed packets since the last picture."""
        self._open()

    @cached_property
    def origin(self) -> Fraction:
        """The file's time (s) that players show as 0: the earliest start of its audio and video."""
        starts = [
            stream.start_time * stream.time_base
            for stream in (*self.container.streams.video, *self.container.streams.audio)
            if stream.start_time is not None and stream.time_base
        ]
        if starts:
            return Fraction(min(starts))
        if self.container.format.flags & _NO_TIMES:
            return self._first_time()
        return Fraction(self.container.start_time or 0, av.time_base)

    def _first_time(self) -> Fraction:
        """Time (s) of an elementary stream's first picture: FFmpeg's origin differs by codec."""
        container, stream = open_video(self.path)
        with container, suppress(av.error.FFmpegError):
            first = next(container.decode(stream), None)
            return (None if first is None else time_of(first)) or Fraction(0)
        return Fraction(0)

    def frames(self, start: Fraction | None = None) -> Iterator[av.VideoFrame]:
        """All pictures; with ``start`` (s, the file's time) from some picture at or before it on.

        Damaged packets are skipped and counted. Raises ``InputError`` if reading the file fails.
        """
        if start is None or start <= self.origin:
            yield from self._decoded()
            return
        if demuxer_of(self.container).may_be_joined:  # cannot seek by time: there may be several clocks
            yield from self._decoded(start)
            return
        for back in _STEPS_BACK:
            if not self._seek(start - back):
                break
            decoded = self._decoded()
            first = next(decoded, None)
            if demuxer_of(self.container).has_decoding_times_only:
                # pictures shown before the keyframe are lost, and it has the time of the first of them
                first = next(decoded, None)
            first_time = None if first is None else time_of(first)
            # a seek may land after its target (MPEG-TS, an index by decoding times)
            if first is not None and first_time is not None and first_time <= start:
                yield first
                yield from decoded
                return
            decoded.close()
        self.close()
        self.skipped = self.damaged = 0
        self._open()
        yield from self._decoded()

    def close(self) -> None:
        """Close the file and the decoder's threads; may be called twice."""
        self.container.close()

    def _open(self) -> None:
        self.container, self.stream = open_video(self.path, self._hwaccel)
        self._context = self._choose_context()

    def _choose_context(self) -> VideoCodecContext:
        context = self.stream.codec_context
        name = _WITH_ALPHA.get(context.name.removeprefix("lib").split("-")[0])
        # in either case: FFmpeg's remuxing writes ALPHA_MODE
        tags = {key.lower(): value for key, value in self.stream.metadata.items()}
        if name in av.codecs_available and tags.get("alpha_mode") == "1":
            with_alpha = cast("VideoCodecContext", av.CodecContext.create(name, "r"))
            with_alpha.extradata = context.extradata
            return with_alpha
        # not by frames, nor slices that conceal damage with each other's: pictures of damaged files would
        # differ from one reading to the next. Must be set before the first decode
        context.thread_type = "SLICE"
        if context.name in _SHARED_SLICES:
            context.thread_count = 1
        return context

    def _seek(self, time: Fraction) -> bool:
        try:
            ticks = int(time // (self.stream.time_base or Fraction(1, av.time_base)))
            self.container.seek(ticks, stream=self.stream, backward=True)
        except (av.error.FFmpegError, OSError, OverflowError):
            return False
        if self._context is not self.stream.codec_context:
            self._context.flush_buffers()
        return True

    def _decoded(self, start: Fraction | None = None) -> Generator[av.VideoFrame, None, None]:
        decoded = self._in_file_time(start)
        return _in_order(decoded) if demuxer_of(self.container).has_decoding_times_only else decoded

    def _in_file_time(self, start: Fraction | None) -> Generator[av.VideoFrame, None, None]:
        self.failed_in_a_row = 0
        self._due: int | None = None  # ticks of the next packet, of a container of decoding times only
        packets: Iterator[Packet] = self._demuxed()
        if demuxer_of(self.container).may_be_joined:
            packets = JoinedClock(self.stream, 1 / rate_of(self.stream), str(self.path))(packets)
            if start is not None:
                packets = _from_keyframe(packets, start)
        for packet in packets:
            pictures, failed = self._decode(packet)
            self.failed_in_a_row = 0 if pictures else self.failed_in_a_row + failed
            self.damaged += sum(picture.is_corrupt for picture in pictures)
            yield from pictures
            if self._gives_up():
                return

    def _demuxed(self) -> Iterator[Packet]:
        """The video packets; demuxing goes on after damage."""
        packets: Iterator[Packet] = self._new_packets()
        while True:
            try:
                packet = next(packets)
            except (StopIteration, IndexError):
                check_interruption(self.path)
                # PyAV 18.1 raises IndexError after the last packet if streams were added while reading
                return
            except (av.error.FFmpegError, OSError) as error:
                check_interruption(self.path)
                if isinstance(error, OSError):  # of the disk or the network, not of the file's content
                    raise InputError(f"{self.path} cannot be read on: {reason(error)}") from error
                packets = self._new_packets()  # a generator ends once it raises
                self.skipped += 1
                self.failed_in_a_row += 1
                if self._gives_up():
                    return
            else:
                yield packet

    def _new_packets(self) -> Iterator[Packet]:
        return cast("Iterator[Packet]", self.container.demux(self.stream))

    def _gives_up(self) -> bool:
        if self.failed_in_a_row < _MOST_FAILURES:
            return False
        log.warning(
            "%s: %d damaged packets in a row; the rest of it is left out", self.path, self.failed_in_a_row
        )
        return True

    def _decode(self, packet: Packet) -> tuple[list[av.VideoFrame], bool]:
        """The pictures that the decoder returns for ``packet``, and whether it failed."""
        if packet.size and demuxer_of(self.container).has_decoding_times_only:
            if packet.dts is not None:
                self._due = packet.dts
            packet.pts = self._due
            self._due = None if self._due is None or not packet.duration else self._due + packet.duration
        try:
            return self._context.decode(packet), False
        except av.error.FFmpegError as error:
            if isinstance(error, av.error.EOFError) or packet.size == 0:  # the end, not a failure
                return [], False
            if not isinstance(error, (av.error.InvalidDataError, ValueError)):
                log.debug("%s: a packet failed: %s", self.path, error)
            self.skipped += 1
            return [], True


def _in_order(pictures: Iterable[av.VideoFrame]) -> Generator[av.VideoFrame, None, None]:
    """``pictures``, which are in presentation order, with their times sorted."""
    held: deque[tuple[av.VideoFrame, bool]] = deque()
    ticks: list[int] = []

    def oldest() -> av.VideoFrame:
        picture, has_time = held.popleft()
        if has_time:
            picture.pts = heappop(ticks)
        return picture

    for picture in pictures:
        tick = picture.pts if picture.pts is not None else picture.dts
        held.append((picture, tick is not None))
        if tick is not None:
            heappush(ticks, tick)
        if len(held) == _REORDERED:
            yield oldest()
    while held:
        yield oldest()


def _from_keyframe(packets: Iterator[Packet], start: Fraction) -> Iterator[Packet]:
    """``packets`` from the last but one keyframe before ``start`` (s) on."""
    before: list[Packet] = []
    group: list[Packet] = []
    for packet in packets:
        if packet.is_keyframe:
            before, group = group, []
        group.append(packet)
        ticks = packet.dts if packet.dts is not None else packet.pts
        if packet.size == 0 or (ticks is not None and ticks * Fraction(packet.time_base) > start):
            break
    yield from before
    yield from group
    yield from packets


def rate_of(stream: av.VideoStream) -> Fraction:
    """Mean pictures a second, or 25 if the header has no plausible rate."""
    return known_rate(stream) or _DEFAULT_RATE


def known_rate(stream: av.VideoStream) -> Fraction | None:
    """Mean pictures a second, or None if the header has no plausible rate (above 0, at most 1000)."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    return None


def time_of(frame: av.VideoFrame) -> Fraction | None:
    """Presentation time (s, the file's) of a decoded picture; None if it has no timestamp."""
    ticks = frame.pts if frame.pts is not None else frame.dts
    if ticks is None or not frame.time_base:
        return None
    return ticks * Fraction(frame.time_base.numerator, frame.time_base.denominator)
