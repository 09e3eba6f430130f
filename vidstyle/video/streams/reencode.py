"""Re-encoding of audio and subtitles for containers that do not accept their codec."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet
from numpy.typing import NDArray

from vidstyle.video.containers import Container
from vidstyle.video.streams.stream_copy import OutputStream, copy_stream_tags

if TYPE_CHECKING:
    from vidstyle.video.reading.joins import Packet

_JITTER = Fraction(1, 20)  # s: smaller gaps are rounding errors (Matroska's ticks are 1 ms), not silence


class EncodedSound(OutputStream):
    """Re-encoded audio, sample-accurate; gaps are filled with silence."""

    def __init__(self, stream: AudioStream, out: OutputContainer, container: Container) -> None:
        self._decoder = stream.codec_context
        assert container.sound is not None  # a container without sound carries no streams
        name = container.sound.encoder
        self.codec = name.removeprefix("lib")
        self.rate = container.sound.rate or _nearest_rate(name, self._decoder.sample_rate)
        self._layout = _layout_for(name, self.rate, self._decoder.layout.name)
        channels = av.AudioLayout(self._layout).nb_channels
        self._output = cast("AudioStream", out.add_stream(name, rate=self.rate))
        self._output.codec_context.layout = self._layout
        self._output.codec_context.bit_rate = container.sound.bit_rate * channels
        copy_stream_tags(stream, self._output, container)
        self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=self.rate)
        self._shift = Fraction(0)
        self._is_cut = False
        self._next: int | None = None  # index of the next sample in the result
        self._has_begun = False

    def begin(self, shift: Fraction, *, is_cut: bool) -> None:
        self._shift, self._is_cut = shift, is_cut

    def convert(self, packet: Packet) -> Iterator[Packet]:
        try:
            frames = self._decoder.decode(packet)
        except av.error.FFmpegError:
            return  # a damaged packet is replaced by silence
        for frame in frames:
            yield from self._resample(frame)

    def flush(self) -> Iterator[Packet]:
        if not self._has_begun:
            return
        try:
            frames = self._decoder.decode(None)
        except av.error.FFmpegError:
            frames = []
        for frame in (*frames, None):
            yield from self._resample(frame)
        yield from self._output.encode(None)

    def _resample(self, frame: av.AudioFrame | None) -> Iterator[Packet]:
        if frame is not None:
            if self._next is None:
                begin = _time_of(frame) or Fraction(0)
                self._next = round((begin - self._shift) * self.rate)
            elif (time := _time_of(frame)) is not None:
                yield from self._fill_gap(time)
            frame.pts = None  # times are computed from sample counts
            self._has_begun = True
        for resampled in self._resampler.resample(frame):
            yield from self._encode(np.asarray(resampled.to_ndarray(), np.float32))

    def _fill_gap(self, time: Fraction) -> Iterator[Packet]:
        """Silence from the last sample to ``time`` (s of the source), where the source has a gap."""
        assert self._next is not None
        begin = round((time - self._shift) * self.rate)
        missing = begin - self._next
        if missing > _JITTER * self.rate:
            channels = av.AudioLayout(self._layout).nb_channels
            while missing > 0:
                count = min(missing, self.rate)
                yield from self._encode(np.zeros((channels, count), np.float32))
                missing -= count

    def _encode(self, samples: NDArray[np.float32]) -> Iterator[Packet]:
        """Encode the next samples, (channels, samples) float32."""
        assert self._next is not None
        begin, self._next = self._next, self._next + samples.shape[1]
        if self._is_cut and begin < 0:
            samples, begin = samples[:, -begin:], 0
        if samples.shape[1] == 0:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate = self.rate
        frame.pts, frame.time_base = begin, Fraction(1, self.rate)
        yield from self._output.encode(frame)


class EncodedText(OutputStream):
    """Text subtitles converted to the format of another container."""

    def __init__(self, stream: SubtitleStream, out: OutputContainer, container: Container) -> None:
        self._decoder = stream.codec_context
        self._decoder.open(strict=False)
        self._output = cast("SubtitleStream", out.add_stream(container.text_encoder))
        self._context = self._output.codec_context
        self._context.subtitle_header = self._decoder.subtitle_header or _HEADER
        self._context.time_base = _MILLISECOND
        self._output.time_base = _MILLISECOND
        copy_stream_tags(stream, self._output, container)
        self._shift = Fraction(0)
        self._is_cut = False
        self._last = -1

    def begin(self, shift: Fraction, *, is_cut: bool) -> None:
        self._shift, self._is_cut = shift, is_cut

    def convert(self, packet: Packet) -> Iterator[Packet]:
        if packet.pts is None:
            return
        tick = Fraction(packet.time_base)
        begin = round((packet.pts * tick - self._shift) / _MILLISECOND)
        length = round((packet.duration or 0) * tick / _MILLISECOND)
        if begin < 0 and self._is_cut:  # begins before the part
            begin, length = 0, length + begin
        if length <= 0:
            return
        try:
            lines = [
                line.ass for line in self._decoder.decode2(packet) or () if isinstance(line, AssSubtitle)
            ]
        except av.error.FFmpegError:
            return
        for line in lines:
            if not line:
                continue
            begin = self._last = max(begin, self._last + 1)  # times in a file must increase
            text = SubtitleSet.create(text=line, start=0, end=length, pts=begin)
            encoded = self._context.encode_subtitle(text)
            encoded.stream, encoded.time_base = self._output, _MILLISECOND
            encoded.pts = encoded.dts = begin
            encoded.duration = length
            yield encoded


def is_text(stream: SubtitleStream) -> bool:
    """Whether a subtitle stream is text, not pictures, and can be decoded."""
    return stream.codec_context is not None and bool(stream.codec_context.codec.text_sub)


_MILLISECOND = Fraction(1, 1000)
_HEADER = b"[Script Info]\n[Events]\nFormat: Layer, Start, End, Style, Text\n"


def _time_of(frame: av.AudioFrame) -> Fraction | None:
    """Start (s, the stream's time) of a decoded frame; None if it has no timestamp."""
    return None if frame.pts is None or frame.time_base is None else frame.pts * Fraction(frame.time_base)


def _nearest_rate(codec: str, rate: int) -> int:
    """The sample rate (Hz) nearest to ``rate`` that the encoder ``codec`` supports."""
    supported = av.Codec(codec, "w").audio_rates or [rate]
    return min(supported, key=lambda other: (abs(other - rate), -other))


def _layout_for(codec: str, rate: int, layout: str) -> str:
    """The source's channel layout if the encoder supports it, else stereo."""
    context = cast("AudioCodecContext", av.CodecContext.create(codec, "w"))
    try:
        context.layout = layout
        context.sample_rate = rate
        formats = av.Codec(codec, "w").audio_formats
        if formats:
            context.format = formats[0]
        context.open()
    except (av.error.FFmpegError, ValueError):
        return "stereo"
    return layout
