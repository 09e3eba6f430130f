"""Properties of an input without reading all of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from vidstyle.frames import VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.patterns import files_of, listed
from vidstyle.video.reading.animated_picture import is_animation
from vidstyle.video.reading.opening import open_video
from vidstyle.video.reading.pipes import is_pipe
from vidstyle.video.reading.reader import ALL, Reader
from vidstyle.video.reading.sequence import DEFAULT_RATE, is_sequence


def probe(path: str | Path, options: ReadOptions = ALL) -> VideoInfo:
    """The properties of ``path``, decoded up to the first frame that ``options`` select.

    Raises ``InputError`` and ``OptionError`` as ``Reader`` does.
    """
    with Reader(path, options) as reader:
        return reader.info


def rough_length(path: Path, options: ReadOptions = ALL) -> Fraction | None:
    """Seconds of the selected part by the header, or by the number of files; None: unknown, or a pipe.

    Nothing is decoded, and the header is believed: it is for choices that a wrong length does not spoil.
    Raises ``InputError`` if the file cannot be opened.
    """
    if is_pipe(path):
        return None
    if is_sequence(path):
        files = listed(path) if path.is_dir() else files_of(path)
        length, rate = len(files) / (options.rate or DEFAULT_RATE), options.rate or DEFAULT_RATE
    elif is_animation(path):
        return None
    else:
        container, stream = open_video(path)
        with container:
            if not container.duration:
                return None
            length = Fraction(container.duration, av.time_base)
            rate = Fraction(stream.average_rate or 0)
    end = length if options.end is None else min(length, options.end)
    length = max(Fraction(0), end - (options.start or 0))
    return min(length, options.frames / rate) if options.frames is not None and rate else length
