"""The targets that articles on video style transfer name, with which results are compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A value that a result should reach."""

    name: str
    """The metric, by its registered name; ``mos`` is the mean opinion score of a study."""
    limit: float
    is_least: bool
    """Whether the value must be at least the limit, rather than below it."""
    of: str = ""
    """Of which results it is expected; empty: all."""

    def is_met(self, value: float) -> bool:
        """Whether ``value``, in the unit of the metric, meets the target."""
        return value >= self.limit if self.is_least else value < self.limit

    @property
    def text(self) -> str:
        """``< 0.15``."""
        return f"{'>=' if self.is_least else '<'} {self.limit:g}"


MOS = Target("mos", 4, is_least=True)
LPIPS = Target("lpips", 0.15, is_least=False)
FRAME_DIFFERENCE = Target("frame_difference", 5, is_least=False)  # %
PSNR = Target("psnr", 32, is_least=True, of="light styles")  # dB
