"""Writes frames into a video file that appears when it is complete."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av.error

from vidstyle.errors import OutputError, VidstyleError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.video.containers import FOLDER
from vidstyle.video.streams.passthrough import warn_of_lost_sound
from vidstyle.video.writing.codecs import codec_of
from vidstyle.video.writing.encoded_file import EncodedFile
from vidstyle.video.writing.gif import GifFile
from vidstyle.video.writing.picture_files import AnimatedPictureFile, PictureFolder
from vidstyle.video.writing.picture_format import choose_format
from vidstyle.video.writing.pipe_output import PipeOutput
from vidstyle.video.writing.raw_stream import RawStream
from vidstyle.video.writing.target import OnComplete, OutputPlan, PartFile, cannot_encode, cannot_write


class Writer:
    """Writes frames into a target, which appears when the ``with`` block ends without an error.

    Until then they are written to a hidden file (or folder) beside it, which is removed after an error. To a
    pipe they are written one by one.

    Args:
        plan: the checked target, its encoder and container, from ``check_target``.
        like: the source, whose colour tags, tick, pixel aspect ratio and start the result gets.
        source: the file whose sound, subtitles, chapters and tags are copied, if any.
        tags: further tags of the file, like ``{"comment": "…"}``.
        on_complete: see ``PartFile``; not for pipes.

    Raises (``write`` and the end of the ``with`` block):
        OptionError: the encoder does not open for frames of this size.
        OutputError: the target cannot be written.
    """

    def __init__(
        self,
        plan: OutputPlan,
        *,
        like: VideoInfo,
        source: str | Path | None = None,
        tags: Mapping[str, str] = {},
        on_complete: OnComplete | None = None,
    ) -> None:
        self.target = plan.target
        self._plan, self._like, self._tags = plan, like, tags
        self._source = None if source is None or like.is_still_sequence else Path(source)
        self._part: PartFile | PipeOutput = (
            PipeOutput(self.target) if plan.is_stream else PartFile(self.target, on_complete)
        )
        self._file: _OutputFile | None = None
        self._is_closed = False

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abort()

    def write(self, frame: Frame) -> None:
        """Write one frame; times must increase, and all frames have the same size."""
        try:
            if self._is_closed:
                raise OutputError(f"{self.target} is finished; make another Writer for more frames")
            if self._file is None:
                self._file = self._open(frame)
            self._file.write(frame)
            if isinstance(self._part, PipeOutput):
                self._part.send()
        except (av.error.FFmpegError, OSError) as error:
            raise self._output_error(error) from error

    def finish(self) -> None:
        """Complete the file and give it its name; called on leaving the ``with`` block."""
        if self._is_closed:
            return
        try:
            if self._file is None:
                raise OutputError(f"there is nothing to write into {self.target}: no picture came")
            try:
                self._file.finish()
                self._part.keep()
            except (av.error.FFmpegError, OSError) as error:
                raise self._output_error(error) from error
        except BaseException:  # Ctrl-C too: no partial file may remain
            self.abort()
            raise
        self._is_closed = True

    def abort(self) -> None:
        """Remove what was written; the target stays as it was before."""
        if self._is_closed:
            return
        self._is_closed = True
        self._part.discard()  # before closing, which would otherwise rewrite an MP4 (faststart)
        if self._file is not None:
            with suppress(Exception):
                self._file.abort()
        self._part.discard()
        self._part.release()

    def _open(self, first: Frame) -> _OutputFile:
        container = self._plan.container
        if self._source is not None and container.sound is None:
            warn_of_lost_sound(self._source, self.target)
        output = self._part if isinstance(self._part, PipeOutput) else self._part.path
        self._part.claim()
        if container.is_raw:
            assert isinstance(output, PipeOutput)
            return RawStream(output, like=self._like, even=self._plan.options.even)
        picture_format = choose_format(self._plan.encoder, first, self._like, self._plan.options, self.target)
        if isinstance(output, Path):
            if container is FOLDER:
                return PictureFolder(output, picture_format, self._like)
            if codec_of(self._plan.encoder).has_palette:
                has_alpha = first.alpha is not None or self._like.has_alpha
                return GifFile(output, picture_format, with_alpha=has_alpha, plays=self._like.plays)
            if container.is_animation:
                return AnimatedPictureFile(output, self._plan, picture_format, first, like=self._like)
        return EncodedFile(
            output,
            self._plan,
            picture_format,
            first,
            like=self._like,
            source=self._source,
            tags=self._tags,
        )

    def _output_error(self, error: Exception) -> VidstyleError:
        """The error for one of FFmpeg or the operating system."""
        if isinstance(error, OSError) and error.errno:
            return cannot_write(self.target, error)
        return cannot_encode(self.target, self._plan.encoder, error)


class _OutputFile(Protocol):
    """A result being written."""

    def write(self, frame: Frame) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...
