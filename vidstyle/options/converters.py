"""Converters of option values from command line text or Python objects.

Each function raises ``ValueError`` with a description of the expected value ("a number").
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast


def as_seconds(given: object) -> Fraction:
    """``90``, ``1:30``, ``0:01:30.5`` or a number, as exact seconds."""
    expected = ValueError("a time in seconds or as h:m:s")
    if not isinstance(given, str):
        return _fraction(given, expected)
    parts = given.strip().split(":")
    if len(parts) > 3 or not all(re.fullmatch(r"\d+(\.\d*)?|\.\d+", part) for part in parts):
        raise expected
    if any("." in part for part in parts[:-1]):
        raise expected
    total = Fraction(0)
    for part in parts:
        total = 60 * total + Fraction("0" + part)
    return total


def as_rate(given: object) -> Fraction:
    """``25``, ``23.976`` or ``24000/1001``, as an exact number."""
    return _fraction(given, ValueError("a number or a fraction, like 25 or 24000/1001"))


def _fraction(given: object, expected: ValueError) -> Fraction:
    if isinstance(given, bool):
        raise expected
    try:
        # by its text: a float stands for the decimal that it prints as
        return Fraction(str(given) if isinstance(given, float) else cast("str", given))
    except (TypeError, ValueError, ArithmeticError):
        raise expected from None


def as_whole(given: object) -> int:
    expected = ValueError("a whole number")
    if isinstance(given, bool):
        raise expected
    try:
        number = int(cast("str", given))
    except (TypeError, ValueError, ArithmeticError):
        raise expected from None
    if not isinstance(given, str) and number != given:
        raise expected
    return number


def as_number(given: object) -> float:
    try:
        if isinstance(given, bool) or not math.isfinite(number := float(cast("str", given))):
            raise ValueError
    except (TypeError, ValueError, ArithmeticError):
        raise ValueError("a number") from None
    return number


def as_numbers(given: object) -> tuple[float, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    try:
        return tuple(as_number(part) for part in cast("Iterable[object]", parts))
    except (TypeError, ValueError):
        raise ValueError("numbers with commas between") from None


def as_switch(given: object) -> bool:
    if not isinstance(given, bool):
        raise ValueError("True or False")
    return given


def as_path(given: object) -> Path:
    if not isinstance(given, (str, os.PathLike)) or not str(given):
        raise ValueError("a path")
    return Path(given)


def as_text(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError("a word")
    return given.strip()


def as_bits(given: object) -> str:
    text = str(given).strip()
    if (
        isinstance(given, bool)
        or not re.fullmatch(r"\d+(\.\d+)?[kKMG]?", text)
        or float(text.rstrip("kKMG")) == 0
    ):
        raise ValueError("bits a second, like 8M or 900k")
    return text


def as_pairs(given: object) -> tuple[tuple[str, str], ...]:
    """``KEY=VALUE``, several of them, pairs, or a mapping."""
    several = given.items() if isinstance(given, Mapping) else given
    items = [given] if isinstance(given, str) else cast("Iterable[str | tuple[str, object]]", several)
    pairs = []
    for item in items:
        key, *value = item.split("=", 1) if isinstance(item, str) else item
        if not key or len(value) != 1:
            raise ValueError("KEY=VALUE")
        pairs.append((str(key), str(value[0])))
    return tuple(pairs)


def as_engine_options(given: object) -> tuple[tuple[str, object], ...]:
    """``KEY=VALUE``, several of them, pairs, or a mapping; values that are no text keep their types."""
    several = given.items() if isinstance(given, Mapping) else given
    items = [given] if isinstance(given, str) else cast("Iterable[str | tuple[str, object]]", several)
    pairs: list[tuple[str, object]] = []
    for item in items:
        if isinstance(item, str):
            pairs += as_pairs(item)
        else:
            name, value = item
            pairs.append((str(name), value))
    return tuple(pairs)
