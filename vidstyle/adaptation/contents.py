"""What is painted while weights are adapted: moments of clips, pictures, or the bundled ones."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from vidstyle.errors import InputError, OptionError
from vidstyle.file_suffixes import CLIPS, READABLE_PICTURES
from vidstyle.frames import Pixels, eight_bits
from vidstyle.options import ReadOptions
from vidstyle.patterns import files_of, is_pattern, listed
from vidstyle.pipeline.contact_sheet import evenly_spaced
from vidstyle.video.reading.pipes import is_pipe
from vidstyle.video.reading.probe import probe
from vidstyle.video.reading.reader import ALL, open_reader
from vidstyle.video.stills import load_style

Moment = tuple[Pixels, ...]
"""A picture (H, W, 3) uint8, or two frames of a clip of one size, the earlier first."""

BUNDLED = Path(__file__).parent.parent / "assets" / "contents"
_MOST = 24  # moments in all, evenly spaced
_SIDE = 480  # px, short side at most: strokes are painted at that size


def load_moments(sources: Sequence[str | Path], read: ReadOptions = ALL) -> list[Moment]:
    """Up to 24 moments of ``sources``: clips, pictures, folders or patterns of either; bundled ones if none.

    Of each clip the part that ``read`` chooses is taken. Raises ``InputError`` and ``OptionError``.
    """
    files = [file for source in sources for file in _files(Path(source))] or _files(BUNDLED)
    clips = [file for file in files if file.suffix.lower() not in READABLE_PICTURES]
    pictures = [file for file in files if file not in clips]
    if len(clips) > _MOST:
        clips = _spread(clips, _MOST)
    each = max(1, _MOST // max(1, len(clips)))
    moments = [moment for clip in clips for moment in _of_clip(clip, read, each)]
    moments += [(_limited(load_style(picture)),) for picture in _spread(pictures, _MOST - len(moments))]
    return moments


def square(pixels: Pixels, side: int) -> Pixels:
    """The centre of ``pixels`` (H, W, 3) uint8, resized to (side, side, 3)."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return _resized(pixels[top : top + short, left : left + short], side, side)


def _files(source: Path) -> list[Path]:
    """The files of a folder or pattern, in order; a file is itself. Raises ``InputError``."""
    if is_pipe(source):
        raise InputError(f"{source} is a pipe, whose frames are gone once they were read; give a file")
    if is_pattern(source):
        found = sorted(files_of(source))
    elif source.is_dir():
        found = sorted(listed(source))
    else:
        return [source]
    files = [file for file in found if file.suffix.lower() in (*READABLE_PICTURES, *CLIPS)]
    if not files:
        raise InputError(f"{source} holds no pictures and no clips; give a clip, or a folder of pictures")
    return files


def _spread(files: list[Path], most: int) -> list[Path]:
    """At most ``most`` of ``files``, evenly spaced."""
    count = min(len(files), max(0, most))
    return [files[number * len(files) // count] for number in range(count)]


def _of_clip(clip: Path, read: ReadOptions, count: int) -> list[Moment]:
    """Pairs of consecutive frames, both of the part that ``read`` chooses; one frame if it has no more."""
    part = read if read.frames is None else _ended(clip, read)
    moments: list[Moment] = []
    for time in evenly_spaced(probe(clip, part), part, count):
        with suppress(OptionError):  # the last frame is longer than a step, and begins before ``time``
            moments.append(_moment(clip, replace(part, start=time)))
    pairs = [moment for moment in moments if len(moment) > 1]
    return pairs or [_moment(clip, part)]


def _ended(clip: Path, read: ReadOptions) -> ReadOptions:
    """``read`` with the end of its frames, which are counted, in place of their number."""
    with open_reader(clip, read) as reader:
        length = max(frame.time + frame.duration for frame in reader)
    return replace(read, frames=None, end=(read.start or 0) + length)


def _moment(clip: Path, part: ReadOptions) -> Moment:
    with open_reader(clip, replace(part, frames=2)) as reader:
        return tuple(_limited(eight_bits(frame.pixels)) for frame in reader)


def _limited(pixels: Pixels) -> Pixels:
    """``pixels`` (H, W, 3) uint8 with a short side of at most ``_SIDE``."""
    height, width = pixels.shape[:2]
    scale = _SIDE / min(height, width)
    if scale >= 1:
        return pixels
    return _resized(pixels, round(width * scale), round(height * scale))


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    interpolation = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=interpolation)
    return np.asarray(resized, np.uint8)
