"""How far a film is that is painted in segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class FilmProgress:
    """How far a film is."""

    step: str
    """``plan``: the clip is read once; ``paint``; or ``join``."""
    frames: int
    """That are read, or painted, so far."""
    total: int | None
    """Of all frames; an estimate while the clip is read; None: unknown."""
    time: Fraction
    """Seconds of the film that ``frames`` last."""
    duration: Fraction | None
    """Seconds of the film; an estimate while the clip is read; None: unknown."""
    segments: int = 0
    """That are done."""
    of_segments: int = 0
    running: int = 0
    """Segments that are being painted."""


OnFilm = Callable[[FilmProgress], object]
"""Called with the progress of a film, about twice a second and after each segment."""
