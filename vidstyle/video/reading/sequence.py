"""Image sequences: a folder or pattern of pictures as the frames of a clip."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import numpy as np
from natsort import natsorted, ns

from vidstyle.errors import InputError, OptionError
from vidstyle.file_suffixes import READABLE_PICTURES, UNREADABLE_PICTURES
from vidstyle.frames import Frame, VideoInfo, sixteen_bits
from vidstyle.options import ReadOptions
from vidstyle.patterns import files_of, is_pattern, listed, numbered
from vidstyle.video.color.tags import PICTURE_TAGS
from vidstyle.video.pictures.picture_decoder import Header, read_header, read_picture
from vidstyle.video.reading.timeline import Part, Timed

log = logging.getLogger(__name__)

DEFAULT_RATE = Fraction(25)  # pictures a second


def is_sequence(path: Path) -> bool:
    """Whether ``path`` means several pictures: a folder, ``shots/*.png`` or ``shots/frame_%04d.png``."""
    try:
        return path.is_dir() or is_pattern(path)
    except (OSError, ValueError):  # a name that no file can have
        return False


class Sequence:
    """The frames of an image sequence, of one size and constant rate; iterate once."""

    skipped = 0

    def __init__(self, path: Path, options: ReadOptions) -> None:
        """Read every picture's header.

        Raises:
            InputError: there are no pictures, one cannot be read, or sizes differ.
            OptionError: the selected part is empty.
        """
        self._rate = options.rate or DEFAULT_RATE
        paths = _pictures(path)
        timed = (Timed(item, index / self._rate, 1 / self._rate) for index, item in enumerate(paths))
        self._part = list(Part(options.start, options.end, options.frames).of(timed))
        if not self._part:
            length = float(len(paths) / self._rate)
            raise OptionError(
                f"{path} is {length:g} s long at {float(self._rate):g} pictures a second; "
                "nothing of it lies between --start and --end"
            )
        headers = _headers([item.picture for item in self._part])
        # one white level for all, since it is estimated from samples, which differ
        self._white = max((header.white for header in headers if header.white is not None), default=None)
        first, last = self._part[0], self._part[-1]
        self.info = VideoInfo(
            path=path,
            width=headers[0].width,
            height=headers[0].height,
            bits=max(header.bits for header in headers),
            has_alpha=any(header.has_alpha for header in headers),
            rate=self._rate,
            time_base=1 / self._rate,
            duration=last.time + last.duration - first.time,
            frames=len(self._part),
            start=first.time,
            color=PICTURE_TAGS,
            codec=headers[0].format,
            container="pictures",
            is_still_sequence=True,
        )

    def __iter__(self) -> Generator[Frame, None, None]:
        for item in self._part:
            pixels, alpha = read_picture(item.picture, white=self._white)
            if self.info.has_alpha and alpha is None:
                alpha = np.full(pixels.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)
            if self.info.bits > 8:
                pixels, alpha = sixteen_bits(pixels), None if alpha is None else sixteen_bits(alpha)
            yield Frame(pixels, item.time - self.info.start, item.duration, alpha)

    def close(self) -> None:
        """Does nothing: no file stays open."""


def _pictures(path: Path) -> list[Path]:
    """The files of the sequence ``path`` in natural order: 2 before 10."""
    if path.is_dir():
        files = listed(path)
        pictures = [item for item in files if item.suffix.lower() in READABLE_PICTURES]
        if not pictures:
            raise InputError(f"the folder {path} holds no pictures ({_KINDS}); {_advice(files)}")
    else:
        pictures = files_of(path)
        if not pictures:
            raise InputError(f"no file is called {path}, and none fits it as a pattern; check the name")
        if not any(item.suffix.lower() in READABLE_PICTURES for item in pictures):
            name = pictures[0].name
            raise InputError(f"{path} fits {name}, which is no picture ({_KINDS}); {_advice(pictures)}")
    numbers = numbered(path)
    if numbers:
        pictures = [numbers[number] for number in sorted(numbers)]
    else:
        # PRESORT: equal numbers (a02 and a2) are ordered as text
        pictures = natsorted(pictures, key=lambda item: item.name, alg=ns.IGNORECASE | ns.PRESORT)
        numbers = _numbers_of(pictures)
    _warn_of_gaps(path, sorted(numbers))
    return pictures


def _advice(files: list[Path]) -> str:
    unreadable = sorted({item.suffix.lower() for item in files} & {*UNREADABLE_PICTURES})
    if unreadable:
        return f"{unreadable[0]} cannot be read: convert them to 16-bit PNG or TIFF"
    return "give a folder of frames"


def _numbers_of(paths: list[Path]) -> dict[int, Path]:
    """Files by the number at the end of their names, if the names are equal otherwise; else {}."""
    ends = [re.fullmatch(r"(.*?)(\d+)", path.stem, re.S) for path in paths]
    alike = {(end[1], path.suffix) for end, path in zip(ends, paths, strict=True) if end is not None}
    if len(alike) != 1 or None in ends:
        return {}
    return {int(end[2]): path for end, path in zip(ends, paths, strict=True) if end is not None}


def _warn_of_gaps(path: Path, numbers: list[int]) -> None:
    missing = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
    if missing:
        log.warning(
            "%s: %d numbers between %d and %d are missing; the pictures follow each other without a gap",
            path, missing, numbers[0], numbers[-1],
        )  # fmt: skip


_KINDS = ", ".join(suffix.lstrip(".").upper() for suffix in READABLE_PICTURES[:6]) + " …"


def _headers(paths: list[Path]) -> list[Header]:
    """All headers; raises ``InputError`` if sizes differ."""
    headers = [read_header(path) for path in paths]
    for path, header in zip(paths, headers, strict=True):
        if (header.width, header.height) != (headers[0].width, headers[0].height):
            raise InputError(
                f"{path} is {header.width}x{header.height} but {paths[0].name} is "
                f"{headers[0].width}x{headers[0].height}; pictures of one sequence must have one size"
            )
    return headers
