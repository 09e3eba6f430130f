"""A folder or pattern of pictures as the frames of a clip."""

from __future__ import annotations

import glob
import logging
import re
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Frame, VideoInfo, sixteen_bits
from vidstyle.options import ReadOptions
from vidstyle.video.color.tags import PICTURE_TAGS
from vidstyle.video.pictures.decoder import Header, read_header, read_picture
from vidstyle.video.pictures.opening import SUFFIXES
from vidstyle.video.reading.timeline import Part, Timed

log = logging.getLogger(__name__)

DEFAULT_RATE = Fraction(25)  # pictures a second

_NUMBER = re.compile(r"%0?(\d*)d")


def is_sequence(path: Path) -> bool:
    """Whether ``path`` means several pictures: a folder, ``shots/*.png`` or ``shots/frame_%04d.png``."""
    try:
        if path.is_dir():
            return True
        exists = path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False
    return not exists and (glob.has_magic(str(path)) or _NUMBER.search(path.name) is not None)


class Sequence:
    """Pictures of one size, shown one after the other; iterate once."""

    skipped = 0

    def __init__(self, path: Path, options: ReadOptions) -> None:
        """Look at every picture's header; raises ``InputError`` or ``OptionError``."""
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
        # one white for all: what one picture alone tells may be less than the next one's
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
        """Nothing is held open."""


def _pictures(path: Path) -> list[Path]:
    """The files meant by ``path``, in the order that people count: 2 before 10."""
    if path.is_dir():
        found = [item for item in _listed(path) if item.suffix.lower() in SUFFIXES]
        if not found:
            kinds = ", ".join(suffix.lstrip(".").upper() for suffix in SUFFIXES[:6])
            raise InputError(f"the folder {path} holds no pictures ({kinds} …); give a folder of frames")
        return sorted(found, key=_natural)
    number = _NUMBER.search(path.name)
    if number is not None and not glob.has_magic(str(path)):
        return _numbered(path, number)
    names = glob.glob(str(path))  # noqa: PTH207 - Path.glob takes no absolute patterns
    found = [Path(name) for name in names if Path(name).is_file()]
    if not found:
        raise InputError(f"no picture fits {path}; check the pattern")
    return sorted(found, key=_natural)


def _numbered(path: Path, number: re.Match[str]) -> list[Path]:
    """Files whose name has a number where the pattern has ``%04d``, by that number."""
    digits = rf"\d{{{int(number[1])},}}" if number[1] else r"\d+"
    before, after = path.name[: number.start()], path.name[number.end() :]
    name = re.compile(re.escape(before) + f"({digits})" + re.escape(after))
    found = {
        int(fits[1]): item for item in _listed(path.parent) if (fits := name.fullmatch(item.name)) is not None
    }
    if not found:
        raise InputError(f"no picture fits {path}; check the pattern")
    numbers = sorted(found)
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    if missing:
        log.warning(
            "%s: %d numbers between %d and %d are missing; the pictures follow each other without a gap",
            path, missing, numbers[0], numbers[-1],
        )  # fmt: skip
    return [found[index] for index in numbers]


def _listed(folder: Path) -> list[Path]:
    try:
        return [item for item in folder.iterdir() if item.is_file() and not item.name.startswith(".")]
    except PermissionError as error:
        raise InputError(f"the folder {folder} may not be read; change its permissions") from error
    except OSError as error:
        raise InputError(f"no folder {folder}; check the name") from error


def _natural(path: Path) -> list[tuple[int, int, str]]:
    pieces = re.split(r"(\d+)", path.name.lower())
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece]


def _headers(paths: list[Path]) -> list[Header]:
    """All headers, before anything is painted: a picture that does not fit is found now."""
    headers = [read_header(path) for path in paths]
    for path, header in zip(paths, headers, strict=True):
        if (header.width, header.height) != (headers[0].width, headers[0].height):
            raise InputError(
                f"{path} is {header.width}x{header.height} but {paths[0].name} is "
                f"{headers[0].width}x{headers[0].height}; pictures of one sequence must have one size"
            )
    return headers
