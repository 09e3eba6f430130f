"""Which picture belongs to which moment of a clip, as the user says it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vidstyle.errors import OptionError
from vidstyle.flow.base import Array
from vidstyle.frames import Pixels
from vidstyle.options.converters import as_path, as_seconds

Time = int | float | Fraction | str
"""Seconds, or h:m:s, or ``#36``: a frame's number, from 0."""
KeyframePaintings = Mapping[Any, str | os.PathLike[str]] | Iterable[str]
"""Paintings by ``Time``, or ``TIME=PICTURE`` each. Keys of a mapping are of one exact type: hence ``Any``."""

Masks = Mapping[Any, str | os.PathLike[str] | Pixels] | Iterable[str]
"""Masks by ``Time``: files, or pixels (H, W) or (H, W, 3); or ``TIME=MASK`` each."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A picture, and the time or number of the frame that it belongs to."""

    picture: Path | Array
    time: Fraction | None
    """Seconds from the start of the part that is read; None: ``number`` says which frame."""
    number: int | None
    name: str
    """As the user wrote it, for messages."""
    flag: str
    """The option that gave it, for messages."""

    @property
    def path(self) -> Path | None:
        """The picture's file; None for pixels."""
        return self.picture if isinstance(self.picture, Path) else None


def moments_of(paintings: KeyframePaintings) -> tuple[Moment, ...]:
    """All of ``paintings``; raises ``OptionError`` if there is none, or one is not understood."""
    return _moments(paintings, "--keyframe", "a keyframe", ("PICTURE", "painted"), takes_pixels=False)


def mask_moments(masks: Masks) -> tuple[Moment, ...]:
    """All of ``masks``; raises ``OptionError`` as ``moments_of`` does."""
    return _moments(masks, "--mask", "a mask", ("MASK", "mask"), takes_pixels=True)


def _moments(
    pictures: object, flag: str, what: str, words: tuple[str, str], *, takes_pixels: bool
) -> tuple[Moment, ...]:
    """``words`` are what a picture is called, and the name of one in examples."""
    example = f"TIME={words[0]}, like 0:01.5={words[1]}.png or '#36={words[1]}.png' for a frame's number"
    pairs: list[tuple[Time, object]] = []
    if isinstance(pictures, Mapping):
        pairs = list(pictures.items())
    elif not isinstance(pictures, Iterable):
        raise OptionError(
            f"{flag[2:]}s must be {words[1]} pictures by time, or {example} each, got {pictures!r}"
        )
    else:
        for item in [pictures] if isinstance(pictures, str) else pictures:
            time, equals, path = str(item).partition("=")
            if not equals:
                raise OptionError(f"{flag} must be {example}, got {item!r}")
            pairs.append((time, path))
    if not pairs:
        raise OptionError(f"{what} is needed: {flag} {example}")
    return tuple(_moment(time, picture, flag, example, takes_pixels) for time, picture in pairs)


def _moment(time: Time, picture: object, flag: str, example: str, takes_pixels: bool) -> Moment:
    name = f"{time}={'pixels' if isinstance(picture, np.ndarray) else picture}"
    try:
        content = picture if isinstance(picture, np.ndarray) and takes_pixels else as_path(picture)
        number = re.fullmatch(r"#(\d+)", time.strip()) if isinstance(time, str) else None
        if number is not None:
            return Moment(content, None, int(number[1]), name, flag)
        seconds = as_seconds(time)
        if seconds < 0:
            raise ValueError
        return Moment(content, seconds, None, name, flag)
    except (TypeError, ValueError):
        raise OptionError(f"{flag} must be {example}, got {name!r}") from None
