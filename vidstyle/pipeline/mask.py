"""A mask from a file: a picture, read once, or a clip, read again along with each clip."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from vidstyle.frames import Frame
from vidstyle.options import ReadOptions
from vidstyle.video.pictures.animated import is_still
from vidstyle.video.reading.reader import Reader, check_readable
from vidstyle.video.reading.sequence import is_sequence
from vidstyle.video.stills import load_image

_LARGEST = 8192  # px, long side: larger masks are reduced, as no frame is larger


class Mask:
    """Which pixels are painted: white ones are, black ones keep the clip."""

    def __init__(self, path: Path) -> None:
        """Read a picture, or the headers of a clip; raises ``InputError`` if it cannot be read."""
        self._path = path
        self._picture: Frame | None = None
        if not is_sequence(path) and is_still(path):
            self._picture = load_image(path, largest=_LARGEST)
        else:
            check_readable(path)

    def frames(self, read: ReadOptions, stack: ExitStack) -> Frame | Iterable[Frame]:
        """The picture, or a reader of the mask clip from the start in ``read``, which ``stack`` closes."""
        if self._picture is not None:
            return self._picture
        return stack.enter_context(Reader(self._path, ReadOptions(start=read.start, rate=read.rate)))
