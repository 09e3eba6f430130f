"""Passes sound, subtitles, chapters and tags of a source through to a result."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import OutputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from vidstyle.video.containers import Container
from vidstyle.video.reading.decoder import rate_of
from vidstyle.video.reading.demuxers import demuxer_of
from vidstyle.video.reading.joins import JoinedClock
from vidstyle.video.reading.opening import open_video
from vidstyle.video.reading.pipes import check_interruption
from vidstyle.video.streams.stream_copy import copy_stream_tags
from vidstyle.video.streams.stream_mapping import map_streams

if TYPE_CHECKING:
    from av.container.core import Chapter

    from vidstyle.video.reading.joins import Packet

log = logging.getLogger(__name__)

_PRIMING = Fraction(1, 10)  # s: sound that begins earlier than the picture by no more is encoder priming
_CLOSE = Fraction(1, 1000)  # s: closer times count as equal, as Matroska's ticks are 1 ms
_GUESS = Fraction(1, 5)  # s: largest error of a presentation time that is taken from a DTS
_FAR = 10  # s: for a part that starts later than this, seeking is faster than reading
_MARGIN = 2  # s by which streams of one file may be interleaved unevenly
_LOOK_AHEAD = 4096  # packets: the most that are read to find the first picture
_DROP_RATES = (Fraction(30000, 1001), Fraction(60000, 1001))  # frame rates of drop-frame timecodes
_RETRIES = 16  # read errors in a row after which reading ends
_HELD = 32 * 2**20  # bytes of sound buffered until it is known whether more pictures follow


class Passthrough:
    """Passes all streams of ``source`` except the video through to the open file ``out``.

    Time 0 of the result is ``start - lead`` of the source (s): if the sound of a full clip begins before its
    first picture, the picture is delayed by ``lead``. If only a part of the pictures is written, the sound
    is cut to that part, at packet borders; otherwise all sound is kept. Create it before the first packet is
    muxed, as it adds streams to ``out``.
    """

    def __init__(self, source: Path, out: OutputContainer, container: Container, start: Fraction) -> None:
        self._source = source
        self._file, self._video = open_video(source)
        self._broken = 0
        demuxer = demuxer_of(self._file)
        self._has_decoding_times_only = demuxer.has_decoding_times_only
        try:
            for stream in self._file.streams:
                stream.discard = Discard.default
            self._clock = (
                JoinedClock(self._video, 1 / rate_of(self._video)) if demuxer.may_be_joined else None
            )
            self._packets = self._demux()
            self._buffered = self._read_up_to_picture()
            self._is_cut = self._begins_before(start)
            self._streams = map_streams(self._file, self._video, self._buffered, out, container)
            self.lead = Fraction(0) if self._is_cut else self._lead(start)
            self._shift = start - self.lead
            self._out = out
            for output in self._streams.values():
                output.begin(self._shift, is_cut=self._is_cut)
            if self._is_cut:
                self._skip_to(start)
            for key, value in self._file.metadata.items():
                if key.lower() not in _CONTAINER_TAGS:
                    out.metadata[key] = value
        except BaseException:
            self._file.close()
            raise

    @property
    def rates(self) -> set[int]:
        """Sample rates (Hz) of the sound in the result."""
        return {stream.rate for stream in self._streams.values() if stream.rate}

    def copy_picture_tags(self, output: VideoStream, container: Container) -> None:
        """Copy tags (title, language, timecode) of the source's video stream to the one of the result."""
        copy_stream_tags(self._video, output, container)
        key = next((key for key in output.metadata if key.lower() == "timecode"), None)
        if key is None:
            return
        code = output.metadata[key]
        if self._is_cut:
            del output.metadata[key]  # it is that of the full clip's first picture
        elif container.is_mov and ";" in code and output.average_rate not in _DROP_RATES:
            del output.metadata[key]  # the muxer would drop it without a warning
            log.warning(
                "left out the drop-frame timecode %s: %s holds it for 29.97 and 59.94 pictures a second only",
                code,
                container.format,
            )

    def advance(self, until: Fraction) -> None:
        """Mux all packets before ``until`` (s, time of the result)."""
        if not self._streams:
            return
        for packet, time in self._timed_packets():
            if time is not None and time > until:
                self._buffered.appendleft(packet)
                return
            self._convert(packet)

    def finish(self, end: Fraction, last: Fraction) -> None:
        """Mux the remaining packets. The last picture ends at ``end`` and lasts ``last`` (both s)."""
        if not self._streams and not self._file.chapters():
            return  # tags and attachments are in the header
        later: list[Packet] = []
        size, more = 0, False
        for packet, time in self._timed_packets():
            if packet.stream is self._video:
                more = more or (not packet.is_discard and time is not None and time > end - last / 2)
                if more and time is not None and time > end + _MARGIN:
                    break
            elif time is None or time < end:
                self._convert(packet)
            elif not more:
                later.append(packet)
                size += packet.size
                if size > _HELD:  # no more pictures: long music with a short picture
                    break
        if not more:
            for packet in later:
                self._convert(packet)
            for packet, _ in self._timed_packets():
                self._convert(packet)
        for stream in self._streams.values():
            self._mux(stream.flush())
        self._copy_chapters(end if more else None)
        if self._broken:
            log.warning("left out %d broken packets of sound or text", self._broken)

    def close(self) -> None:
        self._file.close()

    def _timed_packets(self) -> Iterator[tuple[Packet, Fraction | None]]:
        """Packets, each with its time (s) in the result; a caller that stops early puts the last one back."""
        while True:
            packet = self._buffered.popleft() if self._buffered else self._next()
            if packet is None:
                return
            if packet.size:  # not "dts is None": a key picture in Matroska may have none
                time = _time_of(packet)
                yield packet, None if time is None else time - self._shift

    def _demux(self) -> Iterator[Packet]:
        packets = self._file.demux()
        return packets if self._clock is None else self._clock(packets)

    def _next(self) -> Packet | None:
        """The next readable packet of the source; None at its end."""
        for _ in range(_RETRIES):
            try:
                packet = next(self._packets, None)
                check_interruption(self._source)
                if self._has_decoding_times_only and packet is not None and packet.stream is self._video:
                    packet.pts = packet.dts if packet.dts is not None else packet.pts
                return packet
            except av.error.EOFError:
                return None
            except av.error.InvalidDataError:
                self._broken += 1
                self._packets = self._demux()  # the iterator ends after an error
        return None

    def _convert(self, packet: Packet) -> None:
        stream = self._streams.get(packet.stream.index)
        if stream is not None:
            self._mux(stream.convert(packet))

    def _mux(self, packets: Iterator[Packet]) -> None:
        for packet in packets:
            try:
                self._out.mux(packet)
            except (av.error.InvalidDataError, av.error.ArgumentError):
                self._broken += 1

    def _read_up_to_picture(self) -> deque[Packet]:
        """The first packets, up to and including the first of a picture that is shown."""
        packets: deque[Packet] = deque()
        while (packet := self._next()) is not None:
            packets.append(packet)
            is_shown = packet.stream is self._video and packet.size and not packet.is_discard
            if (is_shown and _time_of(packet) is not None) or len(packets) == _LOOK_AHEAD:
                break
        return packets

    def _begins_before(self, start: Fraction) -> bool:
        """Whether the source shows pictures before ``start``."""
        for packet in self._buffered:
            if packet.stream is self._video and packet.size and not packet.is_discard:
                time = _time_of(packet)
                if time is not None:
                    return time < start - (_CLOSE if packet.pts is not None else _GUESS)
        return False

    def _lead(self, start: Fraction) -> Fraction:
        """Time (s) by which the sound begins before the first picture, a multiple of the video's tick."""
        begins = [
            stream.start_time * stream.time_base
            for stream in self._file.streams.audio
            if stream.index in self._streams and stream.start_time is not None and stream.time_base
        ]
        lead = start - min(begins, default=start)
        if lead <= _PRIMING:
            return Fraction(0)
        tick = self._video.time_base or Fraction(1, 90000)
        return round(lead / tick) * Fraction(tick)

    def _skip_to(self, start: Fraction) -> None:
        first = next((time for packet in self._buffered if (time := _time_of(packet)) is not None), start)
        if start - first < _FAR or self._clock is not None:  # in joined recordings times are ambiguous
            return
        try:
            self._file.seek(int((start - _MARGIN) * 1_000_000))
        except av.error.FFmpegError:
            return  # not seekable: all packets are read
        self._packets = self._demux()
        self._buffered.clear()

    def _copy_chapters(self, end: Fraction | None) -> None:
        """Copy the chapters of the part, which ends at ``end`` (s; None: at the source's end).

        Muxers accept chapters at the end, and write them there.
        """
        chapters: list[Chapter] = []
        for chapter in self._file.chapters():
            tick = chapter["time_base"] or Fraction(1, 1000)
            shift = round(self._shift / tick)
            first, last = chapter["start"] - shift, chapter["end"] - shift
            if self._is_cut:
                first = max(first, 0)
            if end is not None:
                last = min(last, round(end / tick))
            if first < last:
                chapters.append({**chapter, "start": first, "end": last})
        self._out.set_chapters(chapters)


def warn_of_lost_sound(source: Path, target: Path) -> None:
    """Warn if ``source`` has sound, which ``target`` cannot hold."""
    file, _ = open_video(source)
    with file:
        if file.streams.audio:
            log.warning("%s holds no sound: that of %s is left out", target.name, source.name)


# tags that describe the container, not the content
_CONTAINER_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})


def _time_of(packet: Packet) -> Fraction | None:
    """Presentation time (s, the file's) of a packet, or its decoding time; None if it has neither."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    return None if ticks is None else ticks * Fraction(packet.time_base)
