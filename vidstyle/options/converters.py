"""Converters of option values from command line text or Python objects.

Each function raises ``ValueError`` with a description of the expected value ("a number").
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast


def as_seconds(value: object) -> Fraction:
    """A time as exact seconds, from ``90``, ``1:30``, ``0:01:30.5`` or a number."""
    expected = ValueError("a time in seconds or as h:m:s")
    if not isinstance(value, str):
        return _fraction(value, expected)
    if "/" in value:
        return _fraction(value, expected)
    parts = value.strip().split(":")
    if len(parts) > 3 or not all(re.fullmatch(r"\d+(\.\d*)?|\.\d+", part) for part in parts):
        raise expected
    if any("." in part for part in parts[:-1]):
        raise expected
    total = Fraction(0)
    for part in parts:
        total = 60 * total + Fraction("0" + part)
    return total


def as_segments(value: object) -> str | Fraction:
    """``auto``, ``off``, or a time as exact seconds, above 0."""
    expected = ValueError("auto, off, or a time in seconds or as h:m:s, above 0")
    if isinstance(value, str) and value.strip().lower() in ("auto", "off"):
        return value.strip().lower()
    try:
        seconds = as_seconds(value)
    except ValueError:
        raise expected from None
    if seconds <= 0:
        raise expected
    return seconds


def as_workers(value: object, known: Collection[str]) -> str:
    """A number from 1 on, or the name of one of the ``known`` engines, with ``:ADDRESS`` or without."""
    text = str(value).strip() if not isinstance(value, bool) else ""
    name, _, address = text.partition(":")
    is_count = text.isdecimal() and int(text) > 0
    if not is_count and (name not in known or (":" in text and not address)):
        names = ", ".join(f"{name}:ADDRESS" for name in known)
        raise ValueError(f"a number of processes from 1 on, or one of {names}")
    return str(int(text)) if is_count else text


def as_rate(value: object) -> Fraction:
    """Frames a second as an exact number, from ``25``, ``23.976`` or ``24000/1001``."""
    return _fraction(value, ValueError("a number or a fraction, like 25 or 24000/1001"))


def _fraction(value: object, expected: ValueError) -> Fraction:
    if isinstance(value, bool):
        raise expected
    try:
        # through text: a float means the decimal number that it prints as
        return Fraction(str(value) if isinstance(value, float) else cast("str", value))
    except (TypeError, ValueError, ArithmeticError):
        raise expected from None


def as_size(value: object) -> tuple[int, int]:
    """Width and height in px, from ``640x360`` or two numbers."""
    expected = ValueError("a width and a height in px, like 640x360")
    parts = value.lower().split("x") if isinstance(value, str) else value
    try:
        width, height = (as_integer(part) for part in cast("Iterable[object]", parts))
    except (TypeError, ValueError):
        raise expected from None
    if min(width, height) < 1:
        raise expected
    return width, height


def as_integer(value: object) -> int:
    """A whole number."""
    expected = ValueError("a whole number")
    if isinstance(value, bool):
        raise expected
    try:
        number = int(cast("str", value))
    except (TypeError, ValueError, ArithmeticError):
        raise expected from None
    if not isinstance(value, str) and number != value:
        raise expected
    return number


def as_number(value: object) -> float:
    """A finite number."""
    try:
        if isinstance(value, bool) or not math.isfinite(number := float(cast("str", value))):
            raise ValueError
    except (TypeError, ValueError, ArithmeticError):
        raise ValueError("a number") from None
    return number


def as_numbers(value: object) -> tuple[float, ...]:
    """Numbers, as a sequence or with commas between."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(as_number(part) for part in cast("Iterable[object]", parts))
    except (TypeError, ValueError):
        raise ValueError("numbers with commas between") from None


def as_switch(value: object) -> bool:
    """True or False, and nothing else."""
    if not isinstance(value, bool):
        raise ValueError("True or False")
    return value


def as_path(value: object) -> Path:
    """A path that is not empty."""
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise ValueError("a path")
    return Path(value)


def as_working_size(value: object) -> int | str:
    """A number of px, or "auto"."""
    if isinstance(value, str) and value.strip() == "auto":
        return "auto"
    try:
        size = as_integer(value)
    except ValueError:
        size = 0
    if size < 16:
        raise ValueError("a whole number of px, 16 or more, or auto")
    return size


def as_text(value: object) -> str:
    """A text that is not empty, without spaces around it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a word")
    return value.strip()


def as_bits(value: object) -> str:
    """A bit rate as text: ``900k``, ``8M``, ``8000000``."""
    text = str(value).strip()
    if (
        isinstance(value, bool)
        or not re.fullmatch(r"\d+(\.\d+)?[kKMG]?", text)
        or float(text.rstrip("kKMG")) == 0
    ):
        raise ValueError("bits a second, like 8M or 900k")
    return text


def as_pairs(value: object) -> tuple[tuple[str, str], ...]:
    """Pairs of texts from ``KEY=VALUE``, several of them, pairs, or a mapping."""
    several = value.items() if isinstance(value, Mapping) else value
    items = [value] if isinstance(value, str) else cast("Iterable[str | tuple[str, object]]", several)
    pairs = []
    for item in items:
        key, *rest = item.split("=", 1) if isinstance(item, str) else item
        if not key or len(rest) != 1:
            raise ValueError("KEY=VALUE")
        pairs.append((str(key), str(rest[0])))
    return tuple(pairs)


def as_layers(value: object) -> tuple[tuple[str, Path], ...]:
    """Styles and masks from ``STYLE=MASK``, several of them, pairs, or a mapping."""
    try:
        pairs = as_pairs(value)
    except (TypeError, ValueError):
        pairs = (("", ""),)
    if not all(style and mask for style, mask in pairs):
        raise ValueError("STYLE=MASK, like painting.jpg=sky.png")
    return tuple((style, Path(mask)) for style, mask in pairs)


def as_engine_options(value: object) -> tuple[tuple[str, object], ...]:
    """Pairs from ``KEY=VALUE``, several of them, pairs, or a mapping; values in pairs keep their types."""
    several = value.items() if isinstance(value, Mapping) else value
    items = [value] if isinstance(value, str) else cast("Iterable[str | tuple[str, object]]", several)
    pairs: list[tuple[str, object]] = []
    for item in items:
        if isinstance(item, str):
            pairs += as_pairs(item)
        else:
            key, option = item
            pairs.append((str(key), option))
    return tuple(pairs)
