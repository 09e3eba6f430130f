"""Records of a training run: its progress after each step, and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The progress of a run after a step."""

    step: int
    steps: int
    losses: Mapping[str, float]
    """Unweighted losses by name, and their weighted sum as "total"."""
    rate: float
    """Steps a second since this process started or resumed the run."""
    skipped: int
    """Number of files that could not be read so far."""

    @property
    def left(self) -> float | None:
        """Estimated seconds to the end; None if unknown."""
        return (self.steps - self.step) / self.rate if self.rate else None


@dataclass(frozen=True, slots=True)
class Trained:
    """The end of a run: its folder, last step, wall time (s), last losses and skipped files."""

    run: Path
    step: int
    seconds: float
    losses: Mapping[str, float]
    skipped: tuple[str, ...] = field(default=())


OnStep = Callable[[TrainingProgress], None]
