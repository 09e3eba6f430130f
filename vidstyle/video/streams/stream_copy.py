"""Stream copy: packets of audio, subtitles and attachments copied without re-encoding."""

from __future__ import annotations

import io
import logging
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from vidstyle.video.containers import Container

if TYPE_CHECKING:
    from vidstyle.video.reading.joins import Packet

log = logging.getLogger(__name__)


class OutputStream:
    """One stream of the result, made from packets of one stream of the source."""

    rate = 0
    """Audio samples a second; 0 for other streams."""

    def begin(self, shift: Fraction, *, is_cut: bool) -> None:
        """Subtract ``shift`` (s) from all times; if ``is_cut``, drop packets that end before 0."""

    def convert(self, packet: Packet) -> Iterator[Packet]:
        """Yield the packets to mux for a packet of the source's stream."""
        yield from ()

    def flush(self) -> Iterator[Packet]:
        """Yield the packets that remain after the source's last one."""
        yield from ()


class CopiedStream(OutputStream):
    """Stream copy: unchanged packets with the result's times."""

    def __init__(self, stream: Stream, out: OutputContainer, container: Container) -> None:
        self._output = out.add_stream_from_template(stream)
        copy_stream_tags(stream, self._output, container)
        self.rate = stream.codec_context.sample_rate if isinstance(stream, AudioStream) else 0
        self._sample = _sample_bytes(stream)
        self._is_text = stream.type == "subtitle"
        # Matroska has no negative times: FFmpeg would shift the video instead
        self._keeps_early = container.is_mov
        self._shift = Fraction(0)
        self._is_cut = False
        self._last: int | None = None

    def begin(self, shift: Fraction, *, is_cut: bool) -> None:
        self._shift, self._is_cut = shift, is_cut

    def convert(self, packet: Packet) -> Iterator[Packet]:
        if packet.pts is None and packet.dts is None:
            return
        # ticks may be as long as a packet (24 ms for MP3 in AVI), which is too coarse for the shift
        finer = math.ceil(Fraction(packet.time_base) * _TICKS)
        tick = Fraction(packet.time_base) / finer
        offset = round(self._shift / tick)
        pts = (packet.pts if packet.pts is not None else packet.dts or 0) * finer - offset
        dts = pts if packet.dts is None else packet.dts * finer - offset
        duration = (packet.duration or 0) * finer
        if self._is_cut and pts < 0:
            if pts + duration <= 0:
                return
            if self._is_text:  # begins before the part
                pts, dts, duration = 0, 0, pts + duration
            elif self._sample and packet.size >= self._sample:
                samples = -pts * (packet.size // self._sample) // duration
                packet = av.Packet(bytes(packet)[samples * self._sample :])
                pts, dts, duration = 0, 0, pts + duration
            elif not self._keeps_early:
                return
        if self._last is not None and dts <= self._last:  # in broken sources; muxers refuse it
            dts = self._last + 1
            pts = max(pts, dts)
        self._last = dts
        packet.time_base = tick
        packet.pts, packet.dts, packet.duration = pts, dts, duration
        packet.stream = self._output
        yield packet


class CoverPicture(OutputStream):
    """A cover picture: in MP4 a stream of one packet."""

    def __init__(self, stream: Stream, out: OutputContainer, container: Container) -> None:
        self._output = out.add_stream_from_template(stream)
        copy_stream_tags(stream, self._output, container)
        self._is_written = False

    def convert(self, packet: Packet) -> Iterator[Packet]:
        if self._is_written:  # FFmpeg repeats it after a seek
            return
        self._is_written = True
        packet.pts = packet.dts = 0
        packet.stream = self._output
        yield packet


def takes(container: Container, stream: Stream) -> bool:
    """Whether a container accepts a stream without re-encoding, tested by muxing a file in memory."""
    trailer = suppress(av.error.FFmpegError)  # fails for an empty file, which does not matter
    sample = _sample_bytes(stream)
    with trailer, av.open(io.BytesIO(), "w", format=container.format) as out:
        try:
            output = out.add_stream_from_template(stream)
            output.disposition = stream.disposition
            out.start_encoding()
            if sample:  # MP4 rejects channel layouts only when the trailer is written
                packet = av.Packet(bytes(sample * 1024))
                packet.stream, packet.pts, packet.dts = output, 0, 0
                out.mux(packet)
                out.close()
        except (av.error.FFmpegError, ValueError):
            return False
    return True


def attach(stream: Stream, out: OutputContainer, name: str, kind: str, data: bytes) -> None:
    """Attach a file (a font, a cover) to a Matroska file."""
    output = out.add_attachment(stream.metadata.get("filename", name), kind, data)
    output.metadata.update({key: value for key, value in stream.metadata.items() if key == "title"})


def copy_stream_tags(stream: Stream, output: Stream, container: Container) -> None:
    """Copy a stream's tags (title, language) and disposition (default, forced, commentary)."""
    for key, value in stream.metadata.items():
        name = key.lower()
        if name in _OWN_TAGS or name.startswith(_STATISTICS) or (name in _MOV_TAGS and not container.is_mov):
            continue
        if name == "language":
            value = container.language_names.get(value, value)
        # "name" is how the title of an MP4 track reads back
        output.metadata["title" if name == "name" and "title" not in stream.metadata else key] = value
    output.disposition = stream.disposition


def _sample_bytes(stream: Stream) -> int:
    """Bytes of one PCM sample of all channels; 0 for compressed audio, which cannot be cut at any sample."""
    # PyAV has no context for a codec that it does not know
    context = stream.codec_context if isinstance(stream, AudioStream) else None
    if context is None:
        return 0
    pcm = re.fullmatch(r"pcm_(?:[suf](\d+)(?:le|be)?|alaw|mulaw)", context.name)
    return context.layout.nb_channels * int(pcm[1] or 8) // 8 if pcm else 0


_TICKS = 90_000  # a second

# tags of the source file only; rotation is applied to the pictures
_OWN_TAGS = frozenset({"encoder", "duration", "rotate"})
_MOV_TAGS = frozenset({"handler_name", "vendor_id"})
_STATISTICS = ("_statistics", "bps", "number_of_frames", "number_of_bytes")  # mkvmerge's
