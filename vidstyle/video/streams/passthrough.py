"""What a source holds beside its pictures, carried into a result: sound, subtitles, chapters, tags."""

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
from vidstyle.video.reading.joins import JoinedClock, may_be_joined
from vidstyle.video.reading.opening import open_video, tells_decoding_only
from vidstyle.video.reading.pipes import check_interruption
from vidstyle.video.streams.carriers import choose_carriers
from vidstyle.video.streams.stream_copy import copy_stream_tags

if TYPE_CHECKING:
    from av.container.core import Chapter

    from vidstyle.video.reading.joins import Packet

log = logging.getLogger(__name__)

_PRIMING = Fraction(1, 10)  # s of sound before the picture that is an encoder's run-up, not sound to keep
_CLOSE = Fraction(1, 1000)  # s: times nearer than this are the same, as Matroska counts in ms
_GUESS = Fraction(1, 5)  # s by which the time of a packet that only says when to decode may be off
_FAR = 10  # s before the part from which jumping ahead pays
_MARGIN = 2  # s by which streams of one file run ahead of each other
_LOOK_AHEAD = 4096  # packets read to find the first picture
_DROP_RATES = (Fraction(30000, 1001), Fraction(60000, 1001))  # of timecodes that leave out numbers
_RETRIES = 16  # damaged places in a row after which the rest is given up
_HELD = 32 * 2**20  # bytes of sound kept while it is not known whether more pictures follow


class Passthrough:
    """Carries the streams of ``source`` that are no moving pictures into the open file ``out``.

    The result's time 0 is the source's ``start`` (s), less ``lead``: where sound begins before the first
    picture of a whole clip, the picture waits for it. Where pictures are left out before the first or
    after the last one written, the sound is cut there too, at packets that cover the part; where none are
    left out, all sound is kept. Streams must be added (here) before the first packet is muxed.
    """

    def __init__(self, source: Path, out: OutputContainer, container: Container, start: Fraction) -> None:
        self._source = source
        self._file, self._video = open_video(source)
        self._broken = 0
        self._tells_decoding_only = tells_decoding_only(self._file)
        try:
            for stream in self._file.streams:
                stream.discard = Discard.default
            self._clock = (
                JoinedClock(self._video, 1 / rate_of(self._video)) if may_be_joined(self._file) else None
            )
            self._packets = self._demuxed()
            self._ahead = self._read_up_to_picture()
            self._is_cut = self._begins_before(start)
            self._carriers = choose_carriers(self._file, self._video, self._ahead, out, container)
            self.lead = Fraction(0) if self._is_cut else self._lead(start)
            self._shift = start - self.lead
            self._out = out
            for carrier in self._carriers.values():
                carrier.begin(self._shift, is_cut=self._is_cut)
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
        """Samples a second of the sound carried over."""
        return {carrier.rate for carrier in self._carriers.values() if carrier.rate}

    def describe_picture(self, twin: VideoStream, container: Container) -> None:
        """Copy title, language and the like of the source's pictures to their stream in the result."""
        copy_stream_tags(self._video, twin, container)
        key = next((key for key in twin.metadata if key.lower() == "timecode"), None)
        if key is None:
            return
        code = twin.metadata[key]
        if self._is_cut:
            del twin.metadata[key]  # that of the whole clip's first picture
        elif container.is_mov and ";" in code and twin.average_rate not in _DROP_RATES:
            del twin.metadata[key]  # the muxer would leave it out without a word
            log.warning(
                "left out the drop-frame timecode %s: %s holds it for 29.97 and 59.94 pictures a second only",
                code,
                container.format,
            )

    def advance(self, until: Fraction) -> None:
        """Mux what is due before ``until``, in seconds of the result's time."""
        if not self._carriers:
            return
        for packet, time in self._pull():
            if time is not None and time > until:
                self._ahead.appendleft(packet)
                return
            self._carry(packet)

    def finish(self, end: Fraction, last: Fraction) -> None:
        """Mux the rest, for pictures that end at ``end``; ``last`` is the last one's duration, in seconds."""
        if not self._carriers and not self._file.chapters():
            return  # all was said in the header
        later: list[Packet] = []
        size, more = 0, False
        for packet, time in self._pull():
            if packet.stream is self._video:
                more = more or (not packet.is_discard and time is not None and time > end - last / 2)
                if more and time is not None and time > end + _MARGIN:
                    break
            elif time is None or time < end:
                self._carry(packet)
            elif not more:
                later.append(packet)
                size += packet.size
                if size > _HELD:  # the pictures are over for good: long music under a short picture
                    break
        if not more:
            for packet in later:
                self._carry(packet)
            for packet, _ in self._pull():
                self._carry(packet)
        for carrier in self._carriers.values():
            self._mux(carrier.finish())
        self._copy_chapters(end if more else None)
        if self._broken:
            log.warning("left out %d broken packets of sound or text", self._broken)

    def close(self) -> None:
        self._file.close()

    def _pull(self) -> Iterator[tuple[Packet, Fraction | None]]:
        """Packets with their times in the result; whoever stops early puts the last one back."""
        while True:
            packet = self._ahead.popleft() if self._ahead else self._next()
            if packet is None:
                return
            if packet.size:  # not "dts is None": a key picture in Matroska may have none
                time = _time_of(packet)
                yield packet, None if time is None else time - self._shift

    def _demuxed(self) -> Iterator[Packet]:
        packets = self._file.demux()
        return packets if self._clock is None else self._clock(packets)

    def _next(self) -> Packet | None:
        """The source's next packet, past damaged places; None at its end."""
        for _ in range(_RETRIES):
            try:
                packet = next(self._packets, None)
                check_interruption(self._source)
                if self._tells_decoding_only and packet is not None and packet.stream is self._video:
                    packet.pts = packet.dts if packet.dts is not None else packet.pts
                return packet
            except av.error.EOFError:
                return None
            except av.error.InvalidDataError:
                self._broken += 1
                self._packets = self._demuxed()  # dead after an error
        return None

    def _carry(self, packet: Packet) -> None:
        carrier = self._carriers.get(packet.stream.index)
        if carrier is not None:
            self._mux(carrier.carry(packet))

    def _mux(self, packets: Iterator[Packet]) -> None:
        for packet in packets:
            try:
                self._out.mux(packet)
            except (av.error.InvalidDataError, av.error.ArgumentError):
                self._broken += 1

    def _read_up_to_picture(self) -> deque[Packet]:
        """The first packets, up to the first one of a picture that is shown."""
        ahead: deque[Packet] = deque()
        while (packet := self._next()) is not None:
            ahead.append(packet)
            is_shown = packet.stream is self._video and packet.size and not packet.is_discard
            if (is_shown and _time_of(packet) is not None) or len(ahead) == _LOOK_AHEAD:
                break
        return ahead

    def _begins_before(self, start: Fraction) -> bool:
        """Whether the source shows pictures before ``start``."""
        for packet in self._ahead:
            if packet.stream is self._video and packet.size and not packet.is_discard:
                time = _time_of(packet)
                if time is not None:
                    return time < start - (_CLOSE if packet.pts is not None else _GUESS)
        return False

    def _lead(self, start: Fraction) -> Fraction:
        """Seconds of sound before the first picture, in ticks of the picture."""
        begins = [
            stream.start_time * stream.time_base
            for stream in self._file.streams.audio
            if stream.index in self._carriers and stream.start_time is not None and stream.time_base
        ]
        early = start - min(begins, default=start)
        if early <= _PRIMING:
            return Fraction(0)
        tick = self._video.time_base or Fraction(1, 90000)
        return round(early / tick) * Fraction(tick)

    def _skip_to(self, start: Fraction) -> None:
        first = next((time for packet in self._ahead if (time := _time_of(packet)) is not None), start)
        if start - first < _FAR or self._clock is not None:  # no time to seek among several clocks
            return
        try:
            self._file.seek(int((start - _MARGIN) * 1_000_000))
        except av.error.FFmpegError:
            return  # not every file can jump: then all packets are read
        self._packets = self._demuxed()
        self._ahead.clear()

    def _copy_chapters(self, end: Fraction | None) -> None:
        """The chapters of the part, which ends at ``end`` (s; None for the source's own end).

        Muxers write chapters that come late at the end of the file.
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


def warn_of_silence(source: Path, target: Path) -> None:
    """Say that the sound of ``source`` has no place in a ``target`` of mere pictures."""
    file, _ = open_video(source)
    with file:
        if file.streams.audio:
            log.warning("%s holds no sound: that of %s is left out", target.name, source.name)


# of the container they stand in, not of what it shows
_CONTAINER_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})


def _time_of(packet: Packet) -> Fraction | None:
    """When a packet is due, in seconds of its file; None where it does not say."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    return None if ticks is None else ticks * Fraction(packet.time_base)
