"""What is known of an input, without reading on."""

from __future__ import annotations

from pathlib import Path

from vidstyle.frames import VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.video.reading.reader import ALL, Reader


def probe(path: str | Path, options: ReadOptions = ALL) -> VideoInfo:
    """Open ``path``, decode up to the first frame that ``options`` choose, and close it.

    Raises ``InputError`` in one line for what cannot be read.
    """
    with Reader(path, options) as reader:
        return reader.info
