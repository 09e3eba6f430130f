"""Style tracks: mixtures of styles at key times, from a text or JSON file, with eased transitions."""

from __future__ import annotations

import json
import shlex
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidstyle.errors import InputError
from vidstyle.options.converters import as_number, as_seconds
from vidstyle.video.reading.pipes import is_pipe, pipe_at

_LARGEST = 1_000_000  # bytes: far more than a track written by hand


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a track: a style and its weight at a time."""

    time: Fraction
    style: str
    weight: float
    where: str
    """Its place in the file, for messages: ``track.txt, line 3``."""


@dataclass(frozen=True, slots=True)
class Track:
    """Mixtures of styles at key times; between two keys the mixture moves smoothly from one to the next."""

    times: tuple[Fraction, ...]
    """Seconds, ascending."""
    mixtures: tuple[tuple[float, ...], ...]
    """At each key time, the share of each style; shares sum to 1."""

    def at(self, time: Fraction) -> tuple[float, ...]:
        """The share of each style at ``time`` (s); before the first key and after the last, theirs."""
        key, gone = self._place(time)
        if gone == 0.0:
            return self.mixtures[key]
        pairs = zip(self.mixtures[key], self.mixtures[key + 1], strict=True)
        return tuple(before + (after - before) * gone for before, after in pairs)

    def progress(self, begin: Fraction, end: Fraction) -> float:
        """How much of a change to another mixture, 0 to 1, happens from ``begin`` to ``end`` (s)."""
        (first, gone_first), (last, gone_last) = self._place(begin), self._place(end)
        gone = 0.0
        for key in range(first, last + 1):
            if key + 1 < len(self.times) and self.mixtures[key] != self.mixtures[key + 1]:
                gone += (gone_last if key == last else 1.0) - (gone_first if key == first else 0.0)
        return min(1.0, max(0.0, gone))

    def _place(self, time: Fraction) -> tuple[int, float]:
        """The last key at or before ``time``, and the eased share of the way to the next one."""
        key = bisect_right(self.times, time) - 1
        if key < 0:
            return 0, 0.0
        if key + 1 == len(self.times):
            return key, 0.0
        share = float((time - self.times[key]) / (self.times[key + 1] - self.times[key]))
        return key, share * share * (3.0 - 2.0 * share)  # smoothstep: the speed is 0 at both ends


def read_entries(path: Path) -> list[Entry]:
    """The lines of a track file: ``time style weight`` each (the weight may be left out), or JSON.

    Text: times in seconds or h:m:s, names with spaces in quotes, ``#`` begins a comment. JSON: a list of
    ``{"time": …, "style": …, "weight": …}``. Raises ``InputError`` with the line.
    """
    try:
        data = _bytes_of(path)
        if len(data) > _LARGEST:
            raise InputError(
                f"{path} is too large for a style track: a text or JSON file of lines 'time style weight'"
            )
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not a style track: a text or JSON file of lines 'time style weight'"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read the style track {path}: {error.strerror or error}") from error
    entries = _from_json(path, text) if text.lstrip()[:1] in ("[", "{") else _from_text(path, text)
    if not entries:
        raise InputError(f"the style track {path} is empty; give lines like '0 waves' and '5 mosaic'")
    return entries


def pictures_of(path: Path) -> tuple[Path, ...]:
    """The files that the track at ``path`` names; none if it cannot be read: loading it says why."""
    try:
        # a name that is no file is a bundled style's
        return tuple(path.parent / entry.style for entry in read_entries(path))
    except InputError:
        return ()


def make_track(entries: Iterable[Entry], numbers: Mapping[str, int]) -> Track:
    """The track of ``entries``, those of one time mixed; ``numbers`` are the indices of the styles."""
    keys: dict[Fraction, list[float]] = {}
    where: dict[Fraction, str] = {}
    for entry in entries:
        key = keys.setdefault(entry.time, [0.0] * (max(numbers.values()) + 1))
        key[numbers[entry.style]] += entry.weight
        where[entry.time] = entry.where
    times = sorted(keys)
    for time in times:
        if sum(keys[time]) <= 0:
            raise InputError(f"{where[time]}: the weights at {float(time):g} s sum to 0; give one above 0")
    return Track(tuple(times), tuple(tuple(w / sum(keys[time]) for w in keys[time]) for time in times))


def _bytes_of(path: Path) -> bytes:
    """The file's bytes, one more than a track may have at most."""
    if not is_pipe(path):
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    pipe, data = pipe_at(path), b""  # buffered: a track is read more than once
    while len(data) <= _LARGEST and (more := pipe.read(len(data), _LARGEST + 1 - len(data))):
        data += more
    return data


def _from_text(path: Path, text: str) -> list[Entry]:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}, line {number}"
        try:
            fields = shlex.split(line, comments=True, posix=True) if "\\" not in line else _split_plain(line)
        except ValueError as error:
            raise InputError(f"{where}: {str(error).lower()}; close the quotes") from error
        if not fields:
            continue
        if len(fields) not in (2, 3):
            raise InputError(
                f"{where}: expected 'time style weight', got {line.strip()!r}; names with spaces need quotes"
            )
        entries.append(_entry(fields[0], fields[1], fields[2] if len(fields) == 3 else 1.0, where))
    return entries


def _split_plain(line: str) -> list[str]:
    """The fields of a line in which backslashes separate folders, as on Windows."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.escape, lexer.whitespace_split = "", True
    return list(lexer)


def _from_json(path: Path, text: str) -> list[Entry]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}: {error.msg.lower()} (column {error.colno})"
        ) from error
    except (ValueError, RecursionError) as error:  # numbers with many digits, many brackets
        raise InputError(f"{path} is no JSON that can be read: {error}") from error
    if not isinstance(items, list):
        raise InputError(f'{path}: expected a list of {{"time": 0, "style": "waves", "weight": 1}}')
    entries = []
    for number, item in enumerate(items, 1):
        where = f"{path}, entry {number}"
        if not isinstance(item, dict) or not {"time", "style"} <= item.keys() <= {"time", "style", "weight"}:
            raise InputError(f'{where}: expected {{"time": 0, "style": "waves", "weight": 1}}, got {item!r}')
        entries.append(_entry(item["time"], item["style"], item.get("weight", 1.0), where))
    return entries


def _entry(time: object, style: object, weight: object, where: str) -> Entry:
    if not isinstance(style, str) or not style.strip():
        raise InputError(
            f"{where}: the style must be a picture's path or a bundled style's name, got {style!r}"
        )
    try:
        seconds = as_seconds(time)
    except ValueError as error:
        raise InputError(f"{where}: expected {error}, got {time!r}") from None
    try:
        number = as_number(weight)
    except ValueError as error:
        raise InputError(f"{where}: the weight must be {error}, got {weight!r}") from None
    if seconds < 0 or number < 0:
        raise InputError(f"{where}: times and weights are 0 or more, got {time} and {weight}")
    return Entry(seconds, style.strip(), number, where)
