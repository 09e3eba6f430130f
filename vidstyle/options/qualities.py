"""Qualities: one word for how fine a painting is, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Quality:
    """The settings of painting that a quality stands for; ``engine`` and ``working_size`` take precedence."""

    engine: str
    """Of ``ENGINES``."""
    working_size: int
    """Short side (px) at which strokes are painted, at most."""
    largest_share: float = 1.0
    """Share of a frame's own size that is painted at most; the result is enlarged."""


QUALITIES: Mapping[str, Quality] = {
    "draft": Quality("wct-slim", 480, largest_share=0.5),
    "normal": Quality("wct-slim", 480),
    "high": Quality("wct-slim", 720),
    "best": Quality("reshuffle", 720),
}
DEFAULT_QUALITY = "normal"
CAMERA_QUALITY: Final = "draft"
"""That of cameras if neither a quality nor an engine is chosen: it holds a rate in larger frames."""
