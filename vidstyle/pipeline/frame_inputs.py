"""Pictures and arrays that callers give, as frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from vidstyle.errors import OptionError
from vidstyle.frames import Frame, Pixels, check_pixels
from vidstyle.video.stills import load_image

RATE = Fraction(25)
"""Frames a second of arrays, which carry no times."""


def as_still(image: str | Path | Pixels | Frame) -> Frame:
    """One picture, a file or pixels (H, W, 3), as a frame; raises ``InputError`` and ``OptionError``."""
    return load_image(image) if isinstance(image, (str, Path)) else as_frame(image, Fraction(0), RATE)


def as_frame(item: Any, time: Fraction, step: Fraction) -> Frame:
    """A frame as it is, or pixels (H, W, 3) at ``time`` for ``step`` (s); raises ``OptionError``."""
    if isinstance(item, Frame):
        return item
    try:
        check_pixels(item)
    except ValueError as error:
        raise OptionError(str(error)) from None
    return Frame(item, time, step)
