"""How to read a metric: its unit, which values are good, how many digits are significant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from vidstyle.errors import OptionError
from vidstyle.registry import METRICS


@dataclass(frozen=True, slots=True)
class Sampling:
    """On which frames ``vidstyle run --measure`` measures a metric that looks at most one frame back."""

    every: int
    """One in so many frames is measured."""
    first: int = 0
    """The first frame that is measured."""
    with_clip: bool = False
    """Whether the report also gives the clip's own value."""

    def is_due(self, frame: int) -> bool:
        """Whether frame number ``frame`` is measured."""
        return frame % self.every == self.first


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a metric is read."""

    unit: str
    good: str
    """Which values are good, in a few words."""
    digits: int = 4
    """Significant digits in tables."""
    tells_clip: bool = True
    """Whether the clip's own value is meaningful."""
    tells_baseline: bool = True
    """Whether the value of the per-frame baseline is meaningful."""
    mean: str = ""
    """How differences along the motion are averaged, for metrics that papers define in several ways."""
    is_drawn: bool = False
    """Whether a report draws it over time."""
    sampling: Sampling | None = None
    """How ``vidstyle run --measure`` samples it; None: only ``vidstyle evaluate`` measures it."""

    @property
    def sign(self) -> str:
        """What follows a number in a sentence: the unit if it is a symbol, like %."""
        return f" {self.unit}" if self.unit and not self.unit[0].isalnum() else ""


def meaning_of(name: str) -> Meaning:
    """The ``meaning`` of the metric ``name`` (or "package.module:Class"); empty if it has none."""
    try:
        part = METRICS.load(name)
    except OptionError:  # an object of a class that cannot be imported by name
        return Meaning("", "")
    return cast(Meaning, getattr(part, "meaning", Meaning("", "")))


def written(name: str, value: float | None) -> str:
    """``value`` of the metric ``name`` in its significant digits; a dash if there is none."""
    if value is None:
        return "-"
    return f"{value:#.{meaning_of(name).digits}g}".rstrip(".")
