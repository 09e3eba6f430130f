"""Properties of an input without reading all of it."""

from __future__ import annotations

from pathlib import Path

from vidstyle.frames import VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.video.reading.reader import ALL, Reader


def probe(path: str | Path, options: ReadOptions = ALL) -> VideoInfo:
    """The properties of ``path``, decoded up to the first frame that ``options`` select.

    Raises ``InputError`` and ``OptionError`` as ``Reader`` does.
    """
    with Reader(path, options) as reader:
        return reader.info
