"""A painted size that follows the measured time of a clip's frames, so that a wanted rate is held."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

_STEP = 0.5**0.25  # from one size to the next smaller one: two steps halve the area
_STEPS = 9  # the smallest is about a fifth of the largest
_SLACK = 0.9  # share of the wanted time that is aimed at
_BESIDE = 0.25  # of the time of the rest: to make painting cheaper than that would gain little
_AFFORDED = 0.6  # of it, within a shot: finer strokes begin in the middle of one only if they are cheap
_SHOT, _EVERY = 4, 24  # frames that must be measured to change at a cut or if it is far off, and else
_FAR = 2.0  # times the wanted time: a rate that is missed by more is not waited for
_WARM_UP = 2  # first frames, which are not measured


class AdaptiveSize:
    """Chooses the size at which frames are painted, in steps, from what the frames before have cost.

    It changes where a shot begins. Within a shot it changes only if the rate is missed, or held by far.

    Args:
        seconds: wanted for a frame, in the mean; None: each frame's own duration.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._step, self._seen = 0, 0
        self._painting = self._rest = self._wanted = 0.0  # s, sums over ``_count`` frames
        self._count = 0

    @property
    def share(self) -> float:
        """The share of the largest size (sides, not area), 0 to 1, at which to paint."""
        return float(_STEP**self._step)

    def observe(self, painting: float, rest: float, duration: float) -> None:
        """Note the seconds that painting a frame took, those of all the rest, and the frame's duration."""
        self._seen += 1
        wanted = duration if self._seconds is None else self._seconds
        if self._seen <= _WARM_UP or wanted <= 0:  # frames without a duration have no rate
            return
        self._painting += painting
        self._rest += rest
        self._wanted += wanted
        self._count += 1

    def decide(self, *, is_cut: bool) -> None:
        """Choose the size of the next frame. Painting costs as its area."""
        is_far = self._painting + self._rest > _FAR * self._wanted
        if self._count < (_SHOT if is_cut or is_far else _EVERY):
            return
        limit = max(_SLACK * self._wanted, (1 + _BESIDE) * self._rest)
        step = next((step for step in range(_STEPS) if self._cost(step) <= limit), _STEPS - 1)
        if not is_cut and step < self._step and self._cost(step) > _AFFORDED * self._wanted:
            step = self._step
        if step != self._step:
            log.info(
                "%.1f frames a second, %.1f wanted: painted at %.0f %% of the largest size from now on",
                self._count / (self._painting + self._rest),
                self._count / self._wanted,
                100 * _STEP**step,
            )
        self._step = step
        self._painting = self._rest = self._wanted = 0.0
        self._count = 0

    def _cost(self, step: int) -> float:
        """Seconds that the frames noted would have taken at another ``step``."""
        return self._rest + self._painting * float(_STEP ** (2 * (step - self._step)))
