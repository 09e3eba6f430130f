"""Which picture was painted of which moment of a clip, as the user says it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidstyle.errors import OptionError
from vidstyle.options.converters import as_path, as_seconds

Time = int | float | Fraction | str
"""Seconds, or h:m:s, or ``#36``: a frame's number, from 0."""
KeyframePaintings = Mapping[Any, str | os.PathLike[str]] | Iterable[str]
"""Paintings by ``Time``, or ``TIME=PICTURE`` each. Keys of a mapping are of one exact type: hence ``Any``."""

_EXAMPLE = "TIME=PICTURE, like 0:01.5=painted.png or '#36=painted.png' for a frame's number"


@dataclass(frozen=True, slots=True)
class Moment:
    """A painting, and the time or number of the frame that was painted."""

    path: Path
    time: Fraction | None
    """Seconds from the start of the part that is read; None: ``number`` says which frame."""
    number: int | None
    name: str
    """As the user wrote it, for messages."""


def moments_of(paintings: KeyframePaintings) -> tuple[Moment, ...]:
    """All of ``paintings``; raises ``OptionError`` if there is none, or one is not understood."""
    pairs: list[tuple[Time, object]] = []
    if isinstance(paintings, Mapping):
        pairs = list(paintings.items())
    elif not isinstance(paintings, Iterable):
        raise OptionError(f"keyframes must be paintings by time, or {_EXAMPLE} each, got {paintings!r}")
    else:
        for item in [paintings] if isinstance(paintings, str) else paintings:
            time, equals, path = str(item).partition("=")
            if not equals:
                raise OptionError(f"--keyframe must be {_EXAMPLE}, got {item!r}")
            pairs.append((time, path))
    if not pairs:
        raise OptionError(f"a keyframe is needed: --keyframe {_EXAMPLE}")
    return tuple(_moment(time, path) for time, path in pairs)


def _moment(time: Time, path: object) -> Moment:
    name = f"{time}={path}"
    try:
        number = re.fullmatch(r"#(\d+)", time.strip()) if isinstance(time, str) else None
        if number is not None:
            return Moment(as_path(path), None, int(number[1]), name)
        seconds = as_seconds(time)
        if seconds < 0:
            raise ValueError
        return Moment(as_path(path), seconds, None, name)
    except (TypeError, ValueError):
        raise OptionError(f"--keyframe must be {_EXAMPLE}, got {name!r}") from None
