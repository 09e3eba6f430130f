"""What each metric's number means to a reader: its unit, what is good, and how many digits tell something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from vidstyle.errors import OptionError
from vidstyle.registry import METRICS


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a metric is read."""

    unit: str
    good: str
    """What is good, in a few words."""
    digits: int = 4
    """Significant digits that are shown."""
    tells_clip: bool = True
    """Whether the clip's own value says anything."""
    tells_alone: bool = True
    """Whether the value of frames painted each alone says anything."""
    mean: str = ""
    """How differences along the motion become one number, where fields differ in that."""


def meaning_of(name: str) -> Meaning:
    """What the metric called ``name`` (or "package.module:Class") says of its numbers."""
    try:
        part = METRICS.load(name)
    except OptionError:  # given as an object, of a class that no module names
        return Meaning("", "")
    return cast(Meaning, getattr(part, "meaning", Meaning("", "")))


def written(name: str, value: float | None) -> str:
    """``value`` of the metric ``name`` as a reader wants it; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:#.{meaning_of(name).digits}g}".rstrip(".")
