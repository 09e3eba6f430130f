"""Frames into a video file that exists only once it is whole."""

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
from vidstyle.video.streams.passthrough import warn_of_silence
from vidstyle.video.writing.codecs import codec_of
from vidstyle.video.writing.encoded_file import EncodedFile
from vidstyle.video.writing.gif import GifFile
from vidstyle.video.writing.picture_files import AnimatedPictureFile, PictureFolder
from vidstyle.video.writing.picture_format import choose_format
from vidstyle.video.writing.pipe_output import PipeOutput
from vidstyle.video.writing.target import OutputPlan, PartFile, cannot_write


class Writer:
    """Writes frames into a target, which appears when the ``with`` block is left without an error.

    Until then all goes into a hidden file (or folder) beside it, which is removed after an error. Through a
    pipe it goes frame by frame.

    Args:
        plan: the checked target, how it is encoded and in what; of ``check_target``.
        like: what the frames come from: its colours, tick, pixel shape and start are the result's.
        source: the file that sound, subtitles, chapters and tags are carried over from, if any.
        tags: further tags of the whole file, like ``{"comment": "…"}``.

    Raises, from ``write`` and on leaving:
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
    ) -> None:
        self.target = plan.target
        self._plan, self._like, self._tags = plan, like, tags
        self._source = None if source is None or like.is_still_sequence else Path(source)
        self._part: PartFile | PipeOutput = (PipeOutput if plan.is_stream else PartFile)(self.target)
        self._file: _OutputFile | None = None
        self._is_closed = False

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abort()

    def write(self, frame: Frame) -> None:
        """Write one frame; times must rise. All frames have the size of the first."""
        try:
            if self._is_closed:
                raise OutputError(f"{self.target} is finished; make another Writer for more frames")
            if self._file is None:
                self._file = self._open(frame)
            self._file.write(frame)
            if isinstance(self._part, PipeOutput):
                self._part.send()
        except (av.error.FFmpegError, OSError) as error:
            raise self._explained(error) from error

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
                raise self._explained(error) from error
        except BaseException:  # Ctrl-C too: nothing half-written may stay
            self.abort()
            raise
        self._is_closed = True

    def abort(self) -> None:
        """Remove all that was written; the target is as it was before."""
        if self._is_closed:
            return
        self._is_closed = True
        self._part.discard()  # first: closing an MP4 without it does not copy it once more
        if self._file is not None:
            with suppress(Exception):
                self._file.abort()
        self._part.discard()

    def _open(self, first: Frame) -> _OutputFile:
        form = choose_format(self._plan.encoder, first, self._like, self._plan.options, self.target)
        container = self._plan.container
        if self._source is not None and container.sound is None:
            warn_of_silence(self._source, self.target)
        output = self._part if isinstance(self._part, PipeOutput) else self._part.path
        if isinstance(output, Path):
            if container is FOLDER:
                return PictureFolder(output, form, self._like)
            if codec_of(self._plan.encoder).has_palette:
                has_alpha = first.alpha is not None or self._like.has_alpha
                return GifFile(output, form, with_alpha=has_alpha, plays=self._like.plays)
            if container.is_animation:
                return AnimatedPictureFile(output, self._plan, form, first, like=self._like)
        return EncodedFile(
            output,
            self._plan,
            form,
            first,
            like=self._like,
            source=self._source,
            tags=self._tags,
        )

    def _explained(self, error: Exception) -> VidstyleError:
        if isinstance(error, OSError) and error.errno:
            return cannot_write(self.target, error)
        reason = getattr(error, "strerror", None) or str(error)
        return OutputError(
            f"cannot write {self.target}: {self._plan.encoder} failed ({reason}); try another --codec"
        )


class _OutputFile(Protocol):
    """A result being written under a name of its own."""

    def write(self, frame: Frame) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...
