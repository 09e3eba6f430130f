"""One segment of a long film: its pictures encoded, in a file that appears when it is complete."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import av
import av.container.core
import av.error

from vidstyle.errors import OutputError, VidstyleError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.video.containers import FOLDER, Container
from vidstyle.video.writing.codecs import codec_of
from vidstyle.video.writing.picture_encoder import PictureEncoder, TickClock
from vidstyle.video.writing.picture_files import PictureFolder
from vidstyle.video.writing.picture_format import PictureFormat, choose_format
from vidstyle.video.writing.target import OutputPlan, cannot_encode, cannot_keep
from vidstyle.video.writing.video_stream import add_video_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidstyle.video.reading.joins import Packet


def holds_pictures(plan: OutputPlan) -> bool:
    """Whether segments are folders of PNG: for results that are pictures, or are made from whole clips."""
    return plan.container is FOLDER or plan.container.is_animation


class SegmentFile:
    """Writes the frames of one segment; a context. The file appears when it ends without an error.

    Packets are those that the encoder gives, in a container that leaves them as they are (NUT, or the
    codec's ``segment_format``); their times do not matter, as the film's are known. Results that are
    pictures or animations have a folder of PNG instead.

    Args:
        path: the file or folder.
        plan: that of the film.
        like: the source.
        first: a frame like those that come; its pixels do not matter.
        tick: the film's unit of time (s).
        is_last_key: whether the last picture must be a key picture.

    Raises ``OutputError`` and ``OptionError`` as ``Writer`` does.
    """

    def __init__(
        self,
        path: Path,
        plan: OutputPlan,
        *,
        like: VideoInfo,
        first: Frame,
        tick: Fraction,
        is_last_key: bool = False,
    ) -> None:
        self.path = path
        # unique: a worker that was given up may still paint the same segment, in a thread or elsewhere
        self._part = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.part{path.suffix}")
        self._plan, self._like, self._first = plan, like, first
        self._tick, self._is_last_key = tick, is_last_key
        self._file: _Packets | PictureFolder | None = None

    @property
    def order(self) -> tuple[int, ...]:
        """For each packet, in the order of the file, which of the segment's frames it shows, from 0."""
        return self._file.order if isinstance(self._file, _Packets) else ()

    @property
    def delay(self) -> int:
        """How many packets are decoded before the first picture is shown."""
        return self._file.delay if isinstance(self._file, _Packets) else 0

    def __enter__(self) -> SegmentFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except (av.error.FFmpegError, OSError) as failure:
            raise self._output_error(failure) from failure
        finally:
            self._discard()

    def write(self, frame: Frame) -> None:
        """Write one frame; times, the film's, must increase."""
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write(frame)
        except (av.error.FFmpegError, OSError) as error:
            raise self._output_error(error) from error

    def _open(self) -> _Packets | PictureFolder:
        plan = self._plan
        if holds_pictures(plan):
            plan = replace(plan, container=FOLDER, encoder="png")
        picture_format = choose_format(plan.encoder, self._first, self._like, plan.options, self._plan.target)
        if plan.container is FOLDER:
            return PictureFolder(self._part, picture_format, self._like, warns=False)
        plan = replace(plan, container=Container(codec_of(plan.encoder).segment_format, ""))
        return _Packets(
            self._part, plan, picture_format, self._first, self._tick, self._like, self._is_last_key
        )

    def _finish(self) -> None:
        if self._file is None:
            raise OutputError(f"there is nothing to write into {self.path}: no picture came")
        self._file.finish()
        for file in sorted(self._part.iterdir()) if self._part.is_dir() else [self._part]:
            with file.open("rb+") as written:
                os.fsync(written.fileno())
        if self.path.is_dir():
            shutil.rmtree(self.path)
        self._part.replace(self.path)

    def _discard(self) -> None:
        """Remove what was written, unless it has its name already; never raises."""
        if self._file is not None:
            with suppress(Exception):
                self._file.abort()
        if self._part.is_dir():
            shutil.rmtree(self._part, ignore_errors=True)
        else:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _output_error(self, error: Exception) -> VidstyleError:
        if isinstance(error, OSError) and error.errno:
            return cannot_keep(self.path, error)
        return cannot_encode(self.path, self._plan.encoder, error)


class _Packets:
    """The packets of one segment in a container."""

    def __init__(
        self,
        path: Path,
        plan: OutputPlan,
        picture_format: PictureFormat,
        first: Frame,
        tick: Fraction,
        like: VideoInfo,
        is_last_key: bool,
    ) -> None:
        self._out = av.open(f"file:{path.absolute()}", "w", format=plan.container.format)
        self._is_last_key = is_last_key
        self._times: list[int] = []  # of the packets
        self.delay = 0
        try:
            self._out.flags |= int(av.container.core.Flags.bitexact.value)  # type: ignore[call-overload]
            stream = add_video_stream(self._out, plan, picture_format, tick, first, like)
            self._out.start_encoding()
        except BaseException:
            self.abort()
            raise
        self._pictures = PictureEncoder(stream, picture_format, TickClock(tick))

    @property
    def order(self) -> tuple[int, ...]:
        shown = {time: place for place, time in enumerate(sorted(self._times))}
        return tuple(shown[time] for time in self._times)

    def write(self, frame: Frame) -> None:
        self._mux(self._pictures.encode(frame))

    def finish(self) -> None:
        self._mux(self._pictures.finish(is_last_key=self._is_last_key))
        self._out.close()

    def abort(self) -> None:
        """Close the file; never raises."""
        with suppress(OSError, ValueError, RuntimeError):
            self._out.close()

    def _mux(self, packets: Iterator[Packet]) -> None:
        for packet in packets:
            assert packet.pts is not None and packet.dts is not None
            self._times.append(packet.pts)
            self.delay += packet.dts < self._times[0]
            self._out.mux(packet)
