"""The style of a clip at each time, encoded by an engine: one picture, a mixture or a style track."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Pixels
from vidstyle.styles.pictures import BUNDLED, Style, find_style, load
from vidstyle.styles.track import Track, make_track, read_entries

if TYPE_CHECKING:  # so that listing styles does not import torch
    from vidstyle.engines.base import Engine, Statistics
    from vidstyle.styles.embedding_cache import EmbeddingCache

S = TypeVar("S")
T = TypeVar("T", bound="Statistics")


class Styles(Generic[S]):
    """The style at each time: one style, a fixed mixture, or a track.

    Args:
        embeddings: encodes pictures.
        engine: mixes the embeddings.
        styles: pictures; leave empty with a track.
        weights: one for each of ``styles``, 0 or more, not all 0; equal if None.
        track: a style track's file.

    Raises ``OptionError`` for weights that do not fit, ``InputError`` for pictures and tracks.
    """

    def __init__(
        self,
        embeddings: EmbeddingCache[S],
        engine: Engine[S, T],
        styles: Sequence[Style] = (),
        *,
        weights: Sequence[float] | None = None,
        track: Path | None = None,
    ) -> None:
        self._engine = engine
        self._track: Track | None = None
        if track is not None:
            if styles or weights is not None:
                raise OptionError(
                    "a style track names its own styles and weights; leave --style out, or the track"
                )
            pictures, self._track = _of_track(track)
        elif not styles:
            raise OptionError(f"no style given; give a picture, or one of {', '.join(BUNDLED)}")
        else:
            pictures = [load(style) for style in styles]
        self._embeddings = [embeddings.encode(picture) for picture in pictures]
        self._fixed = None if self._track else self._mixed(shares(weights, len(pictures)))

    def at(self, time: Fraction = Fraction(0)) -> S:
        """The style at ``time`` (s since the start of the selected part)."""
        if self._fixed is not None:
            return self._fixed
        assert self._track is not None
        return self._mixed(self._track.at(time))

    def progress(self, begin: Fraction, end: Fraction) -> float:
        """How much of a change to another style, 0 to 1, happens between two times (s)."""
        return self._track.progress(begin, end) if self._track else 0.0

    @property
    def is_moving(self) -> bool:
        """Whether the style changes over time."""
        return self._track is not None

    def _mixed(self, shares: Sequence[float]) -> S:
        present = [index for index, share in enumerate(shares) if share]
        if len(present) == 1:
            return self._embeddings[present[0]]
        return self._engine.mix(
            [self._embeddings[index] for index in present], [shares[index] for index in present]
        )


def pushed(engine: Engine[S, T], style: S, own: S, strength: float) -> S:
    """``style`` moved away from the shot's ``own`` (its encoded first frame) for a ``strength`` above 1."""
    return style if strength <= 1.0 else engine.mix([style, own], [strength, 1.0 - strength])


def shares(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """Weights of ``count`` styles as shares that sum to 1; equal if None."""
    if weights is None:
        return (1.0 / count,) * count
    if len(weights) != count:
        raise OptionError(
            f"--style-weights must be {count} numbers, one for each --style, got {len(weights)}"
        )
    if min(weights) < 0 or sum(weights) <= 0:
        raise OptionError(
            f"--style-weights must be 0 or more and not all 0, got {', '.join(map(str, weights))}"
        )
    return tuple(weight / sum(weights) for weight in weights)


def _of_track(path: Path) -> tuple[list[Pixels], Track]:
    """The pictures of a track and the track itself; paths in it are relative to its folder."""
    from vidstyle.video.stills import load_style  # imports torch

    entries = read_entries(path)
    numbers: dict[str, int] = {}
    pictures = []
    for entry in entries:
        if entry.style not in numbers:
            numbers[entry.style] = len(numbers)
            try:
                pictures.append(load_style(find_style(entry.style, path.parent)))
            except InputError as error:
                raise InputError(f"{entry.where}: {error}") from error
    return pictures, make_track(entries, numbers)
