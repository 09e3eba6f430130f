"""Flicker and style measured while a clip is painted: on samples of the frames, with the run's own flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from vidstyle.flow.base import auto_flow, load_flow
from vidstyle.frames import Frame
from vidstyle.metrics.base import Metric, Sample, Setup
from vidstyle.metrics.frame_difference import FrameDifference
from vidstyle.metrics.meaning import written
from vidstyle.metrics.motion import ScoringFlow
from vidstyle.metrics.style_distance import StyleDistance
from vidstyle.metrics.warping_error import WarpingError
from vidstyle.temporal.base import StylizedFrame
from vidstyle.tensors import to_tensor

_PAIR_EVERY = 12  # frames between two looks at flicker: a tenth of a run's time
_STYLE_FIRST, _STYLE_EVERY = 12, 240  # frames: features take as long as painting ten frames


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on the way; None where there was too little to measure."""

    warping_error: float | None
    clip_warping_error: float | None
    frame_difference: float | None
    style_distance: float | None
    flow: str
    """What scored motion."""
    is_own: bool
    """The same estimator steadied the result, which flatters it."""
    pairs: int
    """Pairs of neighbouring frames that were looked at."""

    def text(self) -> str:
        """One line for a terminal."""
        if not self.pairs:
            return "measured: too few frames"
        flow = f"the run's own flow ({self.flow}), which flatters" if self.is_own else self.flow
        style = f", style distance {written('style_distance', self.style_distance)}"
        return (
            f"measured: warping error {written('warping_error', self.warping_error)} "
            f"(the clip's own {written('warping_error', self.clip_warping_error)}), "
            f"frame difference {written('frame_difference', self.frame_difference)} %"
            f"{style if self.style_distance is not None else ', style not measured'}; "
            f"{self.pairs} pairs of frames, with {flow}; vidstyle evaluate tells more"
        )


class Meter:
    """Watches the frames of one run; keeps two of them."""

    def __init__(self, style: Any, flow: Any, name: str | None) -> None:
        """Begin.

        Args:
            style: the style's pixels (H, W, 3), or None if there is not one alone.
            flow: the run's estimator; that of a CPU if it has none.
            name: what that is called; None if it has none.
        """
        self._name, self._is_own = name or auto_flow("cpu"), name is not None
        self._motion = ScoringFlow(flow if flow is not None else load_flow("auto", "cpu"), name=self._name)
        self._ours: list[Metric] = [WarpingError(), FrameDifference()]
        self._clip = WarpingError()
        self._style = None if style is None else StyleDistance(Setup(style=to_tensor(style)))
        self._before: Sample | None = None
        self._frame = 0
        self._pairs = 0

    def add(self, content: Frame, shown: StylizedFrame) -> None:
        """Take in the next frame and what was made of it."""
        place = self._frame
        self._frame += 1
        if shown.is_cut:
            self._before = None
        is_second, is_first = place % _PAIR_EVERY == 0, place % _PAIR_EVERY == _PAIR_EVERY - 1
        is_styled = self._style is not None and place % _STYLE_EVERY == _STYLE_FIRST
        if not (is_first or is_second or is_styled):
            return
        now = Sample(to_tensor(content.pixels), to_tensor(shown.frame.pixels))
        if is_second and self._before is not None:
            self._compare(self._before, now)
        if is_styled and self._style is not None:
            self._style.add(now, {}, {})
        self._before = now if is_first else None

    def found(self) -> Measured:
        """What was measured so far."""
        return Measured(
            warping_error=self._ours[0].result(),
            clip_warping_error=self._clip.result(),
            frame_difference=self._ours[1].result(),
            style_distance=None if self._style is None else self._style.result(),
            flow=self._name,
            is_own=self._is_own,
            pairs=self._pairs,
        )

    def _compare(self, before: Sample, now: Sample) -> None:
        motion = {1: self._motion(1, before, now)}
        for metric in self._ours:
            metric.add(now, {1: before}, motion)
        plain = [Sample(sample.content, sample.content) for sample in (before, now)]
        self._clip.add(plain[1], {1: plain[0]}, motion)
        self._pairs += 1


def metered(
    frames: Iterable[Frame], stage: Callable[[Iterable[Frame]], Iterator[StylizedFrame]], meter: Meter
) -> Iterator[StylizedFrame]:
    """What ``stage`` makes of ``frames``, one for one, shown to ``meter`` on the way."""
    waiting: deque[Frame] = deque()

    def taken() -> Iterator[Frame]:
        for frame in frames:
            waiting.append(frame)
            yield frame

    with closing(stage(taken())) as results:  # type: ignore[type-var]  # stages are generators
        for shown in results:
            meter.add(waiting.popleft(), shown)
            yield shown
