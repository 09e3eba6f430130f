"""The style track of the page: mixtures of styles at the times of the dots on its time line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vidstyle.styles.track import Entry, Track, make_track

_STEP = Fraction(1, 4)  # s between the times at which a part of a track is sampled


@dataclass(frozen=True, slots=True)
class Dot:
    """A mixture of styles at a time."""

    time: Fraction
    """s, from the start of the clip."""
    styles: tuple[str, ...]
    """Identifiers."""
    weights: tuple[float, ...]
    """One for each style; not all are 0."""


def styles_at(dots: Sequence[Dot], time: Fraction) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The styles that are seen at ``time`` (s), and their shares, which sum to 1."""
    names = _names(dots)
    shares = _track(dots, names).at(time)
    seen = [(name, share) for name, share in zip(names, shares, strict=True) if share > 0]
    return tuple(name for name, _ in seen), tuple(share for _, share in seen)


def part_of(dots: Sequence[Dot], begin: Fraction, length: Fraction) -> tuple[Dot, ...]:
    """The dots of a part of the clip (s), with times from its beginning."""
    moments = [index * _STEP for index in range(int(length / _STEP) + 2)]
    return tuple(Dot(moment, *styles_at(dots, begin + moment)) for moment in moments)


def track_text(dots: Sequence[Dot], word_of: Callable[[str], str]) -> str:
    """The dots as a style track's JSON file; ``word_of`` gives a style's name or path in it."""
    entries = [
        {"time": float(dot.time), "style": word_of(style), "weight": weight}
        for dot in sorted(dots, key=lambda dot: dot.time)
        for style, weight in zip(dot.styles, dot.weights, strict=True)
    ]
    return json.dumps(entries, indent=1) + "\n"


def _names(dots: Sequence[Dot]) -> list[str]:
    return list(dict.fromkeys(name for dot in dots for name in dot.styles))


def _track(dots: Sequence[Dot], names: Sequence[str]) -> Track:
    entries = [
        Entry(dot.time, style, weight, "the time line")
        for dot in dots
        for style, weight in zip(dot.styles, dot.weights, strict=True)
    ]
    return make_track(entries, {name: number for number, name in enumerate(names)})
