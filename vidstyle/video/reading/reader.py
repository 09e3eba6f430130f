"""Any input as frames: a video file, a folder or pattern of pictures, an animated picture, raw pictures."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Protocol

from vidstyle.errors import InputError, OptionError
from vidstyle.file_suffixes import READABLE_PICTURES, UNREADABLE_PICTURES
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.patterns import files_of, is_pattern
from vidstyle.video.reading.animated_picture import AnimatedPicture, is_animation
from vidstyle.video.reading.checksum import checksum_of
from vidstyle.video.reading.opening import check_file, open_video
from vidstyle.video.reading.raw_pictures import RawPictures
from vidstyle.video.reading.sequence import Sequence, is_sequence
from vidstyle.video.reading.video_file import VideoFile

log = logging.getLogger(__name__)

ALL = ReadOptions()
"""All frames of an input, with the default options."""


class Reader:
    """The frames of the part of ``path`` that ``options`` choose, in order; iterate once.

    Pixels are upright, full-range RGB, of one size and depth. Times start at 0 and are exact:
    ``frame.time + frame.duration == next.time``. Damaged parts are left out and counted.

        with Reader("clip.mp4") as reader:
            for frame in reader:
                ...
    """

    info: VideoInfo
    """What is known before the first frame; its estimates serve for progress only."""

    def __init__(
        self,
        path: str | Path,
        options: ReadOptions = ALL,
        *,
        side: int | None = None,
        checksums: list[int] | None = None,
    ) -> None:
        """Open ``path`` and decode its first frame.

        If ``side`` is given, large pictures of most video files are shrunk, roughly, to a long side
        of so many px; ``info`` has that size. ``checksums`` is filled with one of each picture as it was
        decoded, whatever ``side`` is.

        Raises:
            InputError: the input cannot be read.
            OptionError: the selected part is empty.
        """
        self._source = _open(Path(path), options, side, checksums)
        self._checksums = None if isinstance(self._source, VideoFile) else checksums
        self.info = self._source.info
        self._begun = False

    @property
    def skipped(self) -> int:
        """Damaged packets and, once read to the end, pictures that a truncated file lacks; so far."""
        return self._source.skipped

    def __iter__(self) -> Iterator[Frame]:
        if self._begun:
            raise InputError(f"{self.info.path} is being read already; open it again to read it twice")
        self._begun = True
        return self._frames()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and end the decoder's threads; may be called twice."""
        self._source.close()

    def _frames(self) -> Generator[Frame, None, None]:
        with closing(iter(self._source)) as frames:
            if self._checksums is None:
                yield from frames
                return
            for frame in frames:
                self._checksums.append(checksum_of(frame.pixels))
                yield frame


def open_reader(path: str | Path, options: ReadOptions = ALL) -> Reader:
    """The same as ``Reader(path, options)``."""
    return Reader(path, options)


def check_readable(path: Path) -> None:
    """Raise ``InputError`` unless ``path`` is a video, an animation or pictures; reads headers only."""
    path = _only_file(path) or path
    if is_sequence(path) or is_animation(path):  # of which a reader looks at headers only
        Reader(path).close()
    else:
        container, _ = open_video(path)
        container.close()


class _FrameSource(Protocol):
    info: VideoInfo

    @property
    def skipped(self) -> int: ...

    def __iter__(self) -> Generator[Frame, None, None]: ...

    def close(self) -> None: ...


def _open(path: Path, options: ReadOptions, side: int | None, checksums: list[int] | None) -> _FrameSource:
    if is_sequence(path):
        only = _only_file(path)
        if only is None:
            if options.size is not None:
                raise OptionError(
                    f"--size is for raw pictures, and {path} is pictures with sizes of their own"
                )
            return Sequence(path, options)
        path = only
    check_file(path)
    if options.size is not None:
        return RawPictures(path, options)
    if options.rate is not None:
        log.warning("%s has times of its own: --rate is for pictures, and is left out here", path)
    if is_animation(path):
        return AnimatedPicture(path, options)
    return VideoFile(path, options, side, checksums)


def _only_file(path: Path) -> Path | None:
    """The one file that a pattern fits, if it is no picture: some shells leave ``cli*.mp4`` as it is."""
    files = files_of(path) if is_pattern(path) else []
    pictures = (*READABLE_PICTURES, *UNREADABLE_PICTURES)
    return files[0] if len(files) == 1 and files[0].suffix.lower() not in pictures else None
