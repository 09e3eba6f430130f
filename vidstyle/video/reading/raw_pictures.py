"""Raw pictures: samples of rgb24 without any header, one picture after the other, from a file or a pipe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from itertools import chain, count
from pathlib import Path

import numpy as np

from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Frame, Pixels, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.video.color.tags import SDR_TAGS
from vidstyle.video.reading.pipes import is_pipe, pipe_at
from vidstyle.video.reading.sequence import DEFAULT_RATE
from vidstyle.video.reading.timeline import Part, Timed

log = logging.getLogger(__name__)

RAW = "raw"
"""The name of the container of raw pictures, which have none."""


class RawPictures:
    """The frames of a file or pipe of raw pictures, of one size and constant rate; iterate once."""

    skipped = 0

    def __init__(self, path: Path, options: ReadOptions) -> None:
        """Open ``path`` and read the first picture of the part; ``options.size`` is the size of all.

        Raises:
            InputError: it cannot be opened, or holds no whole picture.
            OptionError: the selected part is empty.
        """
        assert options.size is not None
        self._path, self._size = path, options.size
        width, height = options.size
        self._bytes = 3 * width * height  # of a picture
        rate = options.rate or DEFAULT_RATE
        self._read, self._close = _opened(path)
        try:
            frames = None if is_pipe(path) else path.stat().st_size // self._bytes
            part = Part(options.start, options.end, options.frames)
            self._pictures = iter(part.of(self._timed(rate)))
            first = next(self._pictures, None)
            if first is None:
                raise self._nothing_error(rate, frames)
        except BaseException:
            self.close()
            raise
        self._first = first
        if frames is not None:
            end = min(frames / rate, options.end if options.end is not None else frames / rate)
            frames = min(-(-(end - first.time) * rate // 1), options.frames or frames)
        self.info = VideoInfo(
            path=path,
            width=width,
            height=height,
            rate=rate,
            time_base=1 / rate,
            duration=None if frames is None else frames / rate,
            frames=None if frames is None else int(frames),
            start=first.time,
            color=SDR_TAGS,
            codec="rawvideo",
            container=RAW,
            is_still_sequence=True,
        )

    def __iter__(self) -> Generator[Frame, None, None]:
        for item in chain((self._first,), self._pictures):
            yield Frame(item.picture, item.time - self.info.start, item.duration)

    def close(self) -> None:
        """Close the file; a pipe stays, since it can be read only once."""
        self._close()

    def _timed(self, rate: Fraction) -> Iterator[Timed[Pixels]]:
        width, height = self._size
        for number in count():
            data = _whole(self._read, number * self._bytes, self._bytes)
            if len(data) < self._bytes:
                if data and number:
                    log.warning(
                        "%s ends with %d bytes that are no whole picture of %dx%d: is that its size?",
                        self._path, len(data), width, height,
                    )  # fmt: skip
                return
            pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3)
            yield Timed(pixels, number / rate, 1 / rate)

    def _nothing_error(self, rate: Fraction, frames: int | None) -> InputError | OptionError:
        width, height = self._size
        data = _whole(self._read, 0, self._bytes)
        if len(data) < self._bytes:
            return InputError(
                f"{self._path} holds {len(data)} bytes, but a raw picture of {width}x{height} has "
                f"{self._bytes}; give the size of its pictures as --size"
            )
        length = "" if frames is None else f" is {float(frames / rate):g} s long, and"
        return OptionError(f"{self._path}{length} has no picture between --start and --end")


def _opened(path: Path) -> tuple[Callable[[int, int], bytes], Callable[[], None]]:
    """How bytes of ``path`` are read, by position and count, and how it is closed; raises ``InputError``."""
    if is_pipe(path):
        return pipe_at(path).read, lambda: None
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror or error}") from error

    def read(position: int, count: int) -> bytes:
        file.seek(position)
        return file.read(count)

    return read, file.close


def _whole(read: Callable[[int, int], bytes], position: int, size: int) -> bytearray:
    """``size`` bytes from ``position`` on, fewer at the end: a pipe gives what has arrived."""
    data = bytearray()
    while len(data) < size and (more := read(position + len(data), size - len(data))):
        data += more
    return data
