"""One video file that is muxed: packets of its pictures, and the other streams of the source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.container.core

from vidstyle.frames import Frame, VideoInfo
from vidstyle.video.streams.passthrough import Passthrough
from vidstyle.video.writing.matroska import set_display_ratio
from vidstyle.video.writing.picture_format import PictureFormat
from vidstyle.video.writing.pipe_output import PipeOutput
from vidstyle.video.writing.target import OutputPlan
from vidstyle.video.writing.video_stream import add_video_stream

if TYPE_CHECKING:
    from vidstyle.video.reading.joins import Packet

_LARGEST = 2**31 - 1  # the largest numerator or denominator of an aspect ratio
_MOST_TICKS = 1_000_000  # ticks a second: the finest movie timescale in MP4


class MuxedFile:
    """Muxes packets of pictures; sound, subtitles and tags of ``source`` are passed through, if it is given.

    The encoder is opened in either case, as the header describes what it encodes.
    """

    def __init__(
        self,
        output: Path | PipeOutput,
        plan: OutputPlan,
        picture_format: PictureFormat,
        first: Frame,
        tick: Fraction,
        *,
        like: VideoInfo,
        source: Path | None,
        tags: Mapping[str, str],
    ) -> None:
        self._output, self._tick = output, tick
        self._display_ratio: Fraction | None = None
        if plan.container.is_matroska and like.pixel_aspect != 1:
            self._display_ratio = (like.pixel_aspect * Fraction(*picture_format.size)).limit_denominator(
                _LARGEST
            )
        # "file:": FFmpeg takes text before a colon in a name for a protocol
        destination = f"file:{output.absolute()}" if isinstance(output, Path) else output
        self._out = av.open(destination, "w", format=plan.container.format)
        self._passthrough: Passthrough | None = None
        try:
            # without random IDs and dates the same frames give the same bytes
            self._out.flags |= int(av.container.core.Flags.bitexact.value)  # type: ignore[call-overload]
            self.stream = add_video_stream(self._out, plan, picture_format, tick, first, like)
            if source is not None and plan.container.sound is not None:
                self._passthrough = Passthrough(source, self._out, plan.container, like.start)
                self._passthrough.copy_picture_tags(self.stream, plan.container)
            self.lead = self._passthrough.lead if self._passthrough else Fraction(0)
            """Seconds by which sound begins before the first picture."""
            self._out.metadata.update(tags)
            self._out.container_options.update(self._container_options(plan, like.plays))
            self._out.start_encoding()  # here, as the first packet comes up to forty frames later
        except BaseException:
            self.abort()
            raise
        self._pending: Packet | None = None  # the latest packet: the last one may be delayed
        self._first_ticks: tuple[int, int] | None = None  # (pts, dts)

    def mux(self, packet: Packet) -> None:
        """Mux the next packet of a picture, in ticks, and what of other streams belongs before it."""
        assert packet.pts is not None and packet.dts is not None
        if self._pending is not None:
            self._mux(self._pending)
        elif self._first_ticks is None:
            self._first_ticks = (packet.pts, packet.dts)
        self._pending = packet

    def finish(self, end: int, last: Fraction, *, stretches: bool) -> None:
        """Complete the file. The last picture ends at ``end`` (ticks) and lasts ``last`` (s).

        If it ``stretches``, the last packet is delayed so that the track ends at ``end``.
        """
        if self._pending is not None:
            if stretches:
                self._stretch(self._pending, end)
            self._out.mux(self._pending)
        if self._passthrough is not None:
            self._passthrough.finish(end * self._tick, last)
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
