"""A mask from a file: a picture, read once for all clips, or a clip that runs beside each of them."""

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

_LARGEST = 8192  # px of its longer side: as large as any frame, and no more memory than that takes


class Mask:
    """What is painted: white is, black is not."""

    def __init__(self, path: Path) -> None:
        """Read a picture, or look at the headers of a clip; raises ``InputError`` for what cannot be read."""
        self._path = path
        self._picture: Frame | None = None
        if not is_sequence(path) and is_still(path):
            self._picture = load_image(path, largest=_LARGEST)
        else:
            check_readable(path)

    def beside(self, read: ReadOptions, stack: ExitStack) -> Frame | Iterable[Frame]:
        """The picture, or the mask clip's frames from the start that ``read`` chooses, in ``stack``."""
        if self._picture is not None:
            return self._picture
        return stack.enter_context(Reader(self._path, ReadOptions(start=read.start, rate=read.rate)))
