"""One encoded video file: frames with exact times, and the other streams of the source."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import av.container.core
from av.codec.context import Flags
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from vidstyle.errors import OptionError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.video.streams.passthrough import Passthrough
from vidstyle.video.writing.codecs import codec_of
from vidstyle.video.writing.encoder_settings import tune
from vidstyle.video.writing.encoder_trial import configure, hardware_device, own_priority
from vidstyle.video.writing.matroska import set_display_ratio
from vidstyle.video.writing.picture_format import PictureFormat
from vidstyle.video.writing.pipe_output import PipeOutput
from vidstyle.video.writing.target import OutputPlan

if TYPE_CHECKING:
    from vidstyle.video.reading.joins import Packet

_LARGEST = 2**31 - 1  # the largest numerator or denominator of a file's tick
_FINE = Fraction(1, 90_000)  # s: the tick if no exact one is possible
_MOST_TICKS = 1_000_000  # ticks a second: the finest movie timescale in MP4
_DEFAULT_RATE = Fraction(25)
_TOLERANCE = Fraction(1, 2)  # frames: largest deviation from a constant rate

log = logging.getLogger(__name__)


class EncodedFile:
    """Writes one video file; sound, subtitles and tags of ``source`` are passed through, if it is given."""

    def __init__(
        self,
        output: Path | PipeOutput,
        plan: OutputPlan,
        picture_format: PictureFormat,
        first: Frame,
        *,
        like: VideoInfo,
        source: Path | None,
        tags: Mapping[str, str],
    ) -> None:
        self._output, self._picture_format, self._scaler = output, picture_format, VideoReformatter()
        self._display_ratio: Fraction | None = None
        if plan.container.is_matroska and like.pixel_aspect != 1:
            self._display_ratio = (like.pixel_aspect * Fraction(*picture_format.size)).limit_denominator(
                _LARGEST
            )
        self._tick = choose_tick(like, first)
        self._is_mov = plan.container.is_mov
        self._codec = codec_of(plan.encoder)
        # "file:": FFmpeg takes text before a colon in a name for a protocol
        destination = f"file:{output.absolute()}" if isinstance(output, Path) else output
        self._out = av.open(destination, "w", format=plan.container.format)
        self._passthrough: Passthrough | None = None
        try:
            # without random IDs and dates the same frames give the same bytes
            self._out.flags |= int(av.container.core.Flags.bitexact.value)  # type: ignore[call-overload]
            self._stream = self._add_stream(plan, like, first)
            if source is not None and plan.container.sound is not None:
                self._passthrough = Passthrough(source, self._out, plan.container, like.start)
                self._passthrough.copy_picture_tags(self._stream, plan.container)
            self._lead = self._passthrough.lead if self._passthrough else Fraction(0)
            self._out.metadata.update(tags)
            self._out.container_options.update(self._container_options(plan, like.plays))
            self._out.start_encoding()  # here, as the first packet comes up to forty frames later
        except BaseException:
            self.abort()
            raise
        self._pending: av.VideoFrame | None = None  # the latest picture: the last one is encoded differently
        self._pending_begin, self._pending_length = 0, 0  # its time and duration, in ticks
        self._pending_packet: Packet | None = None  # the latest packet, likewise
        self._durations: dict[
            int, int
        ] = {}  # of pictures in the encoder, in ticks by pts; not all encoders return them
        self._first_ticks: tuple[int, int] | None = None  # (pts, dts)
        self._last: Frame | None = None
        self._is_uneven = False
        self._count = 0  # frames
        self._even_rate = None if plan.container.has_times else self._stream.average_rate

    def write(self, frame: Frame) -> None:
        if self._last is not None and frame.time <= self._last.time:
            raise OptionError(
                f"times of frames must rise, got {frame.time} s after {self._last.time} s; sort the frames"
            )
        if self._even_rate is not None and abs(frame.time * self._even_rate - self._count) > _TOLERANCE:
            log.warning(
                "y4m has one rate for all pictures: their uneven times are lost (--format nut keeps them)"
            )
            self._even_rate = None
        self._count += 1
        picture = self._picture_format.picture(frame, self._scaler)
        begin = self._ticks(frame.time)
        if self._pending is not None:
            begin = max(begin, self._pending_begin + 1)
        length = max(1, self._ticks(frame.time + frame.duration) - begin)
        picture.pts, picture.duration, picture.time_base = begin, length, self._tick
        if self._pending is not None:
            self._is_uneven = self._is_uneven or length != self._pending_length
            self._encode(self._pending)
        self._pending, self._last = picture, frame
        self._pending_begin, self._pending_length = begin, length

    def finish(self) -> None:
        """Write the pending frames and close the file, which is complete then."""
        assert self._pending is not None and self._last is not None
        end = self._pending_begin + self._pending_length
        # with B-frames, an MP4's header gives too short a duration unless the last frame is decoded last
        reorders = self._is_mov and self._is_uneven and self._codec.reorders
        if reorders:
            self._pending.pict_type = PictureType.I
        self._encode(self._pending)
        self._encode(None)
        if self._pending_packet is not None:
            if reorders:
                self._stretch(self._pending_packet, end)
            self._out.mux(self._pending_packet)
        if self._passthrough is not None:
            self._passthrough.finish(end * self._tick, self._last.duration)
        self._out.close()
        self._close_source()
        if self._display_ratio is not None and isinstance(self._output, Path):
            set_display_ratio(self._output, self._display_ratio)

    def abort(self) -> None:
        """Close the file, which may be incomplete; never raises."""
        try:
            self._out.close()  # writes a trailer, which fails when the disk is full
        except (OSError, ValueError, RuntimeError):
            pass
        finally:
            self._close_source()

    def _close_source(self) -> None:
        if self._passthrough is not None:
            self._passthrough.close()

    def _ticks(self, time: Fraction) -> int:
        return round((time + self._lead) / self._tick)

    def _encode(self, picture: av.VideoFrame | None) -> None:
        if picture is not None:
            self._durations[self._pending_begin] = self._pending_length
        for packet in self._stream.encode(picture):
            assert packet.pts is not None and packet.dts is not None  # encoders set both
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
            if self._pending_packet is not None:
                self._mux(self._pending_packet)
            elif self._first_ticks is None:
                self._first_ticks = (packet.pts, packet.dts)
            self._pending_packet = packet

    def _mux(self, packet: Packet) -> None:
        time = (packet.dts or 0) * Fraction(
            packet.time_base
        )  # before muxing, which changes it to the stream's ticks
        self._out.mux(packet)
        if self._passthrough is not None:
            self._passthrough.advance(time)

    def _stretch(self, packet: Packet, end: int) -> None:
        """Delay the DTS of the last ``packet`` so that the track ends at ``end`` (ticks)."""
        assert self._first_ticks is not None and packet.pts is not None and packet.dts is not None
        delay = self._first_ticks[0] - self._first_ticks[1]
        wanted = end - delay - (packet.duration or 0)
        packet.dts = max(packet.dts, min(wanted, packet.pts))

    def _add_stream(self, plan: OutputPlan, like: VideoInfo, first: Frame) -> VideoStream:
        encoder, picture_format = plan.encoder, self._picture_format
        rate = like.rate if like.rate else 1 / first.duration if first.duration > 0 else _DEFAULT_RATE
        added = self._out.add_stream(
            encoder, rate=rate.limit_denominator(100_000), hwaccel=hardware_device(encoder)
        )
        stream = cast("VideoStream", added)
        tuning = tune(encoder, plan.options, picture_format.name, picture_format.size)
        context = stream.codec_context
        configure(context, encoder, picture_format.name, picture_format.size, self._tick, tuning)
        context.flags |= Flags.frame_duration
        if like.pixel_aspect != 1:
            context.sample_aspect_ratio = like.pixel_aspect.limit_denominator(65535)
        picture = picture_format.picture(
            first, self._scaler
        )  # its tags are those of the format, not of the source
        context.colorspace, context.color_range = picture.colorspace, picture.color_range
        context.color_primaries, context.color_trc = picture.color_primaries, picture.color_trc
        if self._is_mov and self._codec.mov_tag:
            context.codec_tag = self._codec.mov_tag
        try:
            with own_priority():
                context.open()
        except (av.error.FFmpegError, ValueError) as error:
            width, height = picture_format.size
            raise OptionError(
                f"{encoder} does not open for {width}x{height} in {picture_format.name} "
                f"({getattr(error, 'strerror', None) or error}); try another --codec"
            ) from error
        if context.options:
            raise OptionError(f"{encoder} has no option {next(iter(context.options))!r}")
        return stream

    def _container_options(self, plan: OutputPlan, plays: int) -> dict[str, str]:
        if plan.container.plays_option:
            return {plan.container.plays_option: str(plays)}
        if not plan.container.is_mov:
            return {}
        # the default kind of tags holds these keys only and drops all others
        extra = (
            ""
            if all(key.lower() in plan.container.own_tags for key in self._out.metadata)
            else "+use_metadata_tags"
        )
        ticks = self._tick.denominator
        exact = math.lcm(ticks, *(self._passthrough.rates if self._passthrough else ()))
        return {
            "movflags": f"+faststart{extra}",
            # ticks a second for the start times of streams; the default is 1000
            "movie_timescale": str(exact if exact <= _MOST_TICKS else ticks),
        }


def choose_tick(like: VideoInfo, first: Frame) -> Fraction:
    """The tick (s) of the result's timestamps: the source's own if it is exact.

    Only the first frame's time and duration are known in advance; if they are no multiples of the source's
    tick, a finer one is chosen.
    """
    tick = like.time_base or (1 / like.rate if like.rate else first.duration)
    for time in (first.time, first.duration):
        if time > 0:
            tick = _common_divisor(tick, time) if tick > 0 else time
    return tick if tick > 0 and max(tick.numerator, tick.denominator) <= _LARGEST else _FINE


def _common_divisor(one: Fraction, other: Fraction) -> Fraction:
    """The greatest common divisor of two times (s)."""
    return Fraction(
        math.gcd(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )
