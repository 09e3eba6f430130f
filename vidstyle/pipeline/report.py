"""The records of a run: its progress, frame by frame, and its report."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any

from vidstyle.frames import Frame, VideoInfo
from vidstyle.pipeline.notebook_view import run_html

PARTS = (
    "vidstyle",
    "av",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "torch",
    "torchvision",
)
"""Distributions whose versions can change a result."""


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """A written frame, as passed to ``on_frame``."""

    index: int
    """0 for the first frame of the selected part."""
    frame: Frame
    """The result, with its time and duration."""
    info: VideoInfo
    """The source; its ``duration`` and ``frames`` are estimates for the full run, or None."""
    is_cut: bool = False
    """Whether a new shot begins here."""
    repainted: float = 1.0
    """Share of the picture that is fresh paint, 0 to 1."""
    limit: str = ""
    """The slowest stage so far: decode, stylize or encode."""


OnFrame = Callable[[Progress], bool | None]
"""Called with each frame after it was written; returning False ends the run early with a valid result."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """A finished run."""

    source: Path
    target: Path
    frames: int
    duration: Fraction
    """Seconds of the result."""
    cuts: tuple[Fraction, ...]
    """Times (s) at which a new shot begins, the first one left out."""
    repainted: float
    """Mean share of the picture that is fresh paint, 0 to 1."""
    skipped: int
    """Packets of the source that could not be decoded."""
    seconds: float
    """Wall time of the run."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds of work of each stage (decode, stylize, encode), which overlap, and of the parts of stylize:
    plan (motion and the repaint mask), paint, settle."""
    limit: str = ""
    """The slowest stage."""
    stopped: bool = False
    """Whether ``on_frame`` ended the run before the source did."""
    measured: Mapping[str, float | str | None] | None = None
    """``meter.Measured`` as JSON values, if metrics were measured."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """All options with their values."""
    segments: int = 1
    """How many segments it was painted in."""
    reused: int = 0
    """Frames that earlier runs had painted."""

    def _repr_html_(self) -> str:
        """The result and a line about it, for notebooks."""
        rate = f", {self.frames / self.seconds:.1f} frames a second" if self.seconds > 0 else ""
        about = f"{self.frames} frames, {float(self.duration):.2f} s, painted in {self.seconds:.1f} s{rate}"
        cuts = ", ".join(f"{float(time):.2f} s" for time in self.cuts)
        return run_html(self.target, (about, *((f"cuts at {cuts}",) if cuts else ())))

    def to_json(self) -> dict[str, Any]:
        """This report and the versions of libraries, in JSON types."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {**_plain(values), "versions": versions()}


def versions() -> dict[str, str]:
    """Versions of Python, the system and the distributions in ``PARTS``."""
    numbers = {"python": platform.python_version(), "system": platform.platform()}
    for name in PARTS:
        try:
            numbers[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            numbers[name] = "not installed as a distribution"
    return numbers


def _plain(value: Any) -> Any:
    """``value`` in JSON's types; fractions become floats, other objects their text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, float):
        return round(value, 6)
    return value if isinstance(value, (int, str, bool, type(None))) else str(value)
