"""One encoded video file: frames with exact times, and the other streams of the source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vidstyle.frames import Frame, VideoInfo
from vidstyle.video.writing.codecs import codec_of
from vidstyle.video.writing.even_times import EvenTimes
from vidstyle.video.writing.muxed_file import MuxedFile
from vidstyle.video.writing.picture_encoder import PictureEncoder, TickClock, choose_tick
from vidstyle.video.writing.picture_format import PictureFormat
from vidstyle.video.writing.pipe_output import PipeOutput
from vidstyle.video.writing.target import OutputPlan


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
        tick = choose_tick(like, first)
        self._muxed = MuxedFile(
            output, plan, picture_format, first, tick, like=like, source=source, tags=tags
        )
        self._clock = TickClock(tick, self._muxed.lead)
        self._pictures = PictureEncoder(self._muxed.stream, picture_format, self._clock)
        self._reorders_at_end = may_reorder_at_end(plan)
        rate = None if plan.container.has_times else self._muxed.stream.average_rate
        self._even_times = None if rate is None else EvenTimes(rate, "y4m")

    def write(self, frame: Frame) -> None:
        if self._even_times is not None:
            self._even_times.check(frame)
        for packet in self._pictures.encode(frame):
            self._muxed.mux(packet)

    def finish(self) -> None:
        """Write the pending frames and close the file, which is complete then."""
        reorders = self._reorders_at_end and self._clock.is_uneven
        for packet in self._pictures.finish(is_last_key=reorders):
            self._muxed.mux(packet)
        assert self._pictures.last is not None
        self._muxed.finish(self._pictures.end, self._pictures.last.duration, stretches=reorders)

    @property
    def last(self) -> Frame | None:
        """The last frame so far."""
        return self._pictures.last

    def abort(self) -> None:
        """Close the file, which may be incomplete; never raises."""
        self._muxed.abort()


def may_reorder_at_end(plan: OutputPlan) -> bool:
    """Whether the last frame, if times are uneven, must be a key picture that is decoded last.

    With B-frames, an MP4's header would give too short a duration otherwise.
    """
    return plan.container.is_mov and codec_of(plan.encoder).reorders
