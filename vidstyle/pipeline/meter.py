"""Metrics measured during a run on some of its frames, with the run's own flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from vidstyle.flow.base import auto_flow, load_flow
from vidstyle.frames import Frame
from vidstyle.metrics.base import Metric, Motion, Sample, Setup
from vidstyle.metrics.meaning import Sampling, meaning_of, written
from vidstyle.metrics.motion import ScoringFlow
from vidstyle.registry import METRICS
from vidstyle.temporal.base import StylizedFrame
from vidstyle.tensors import to_tensor

_CLIP_PREFIX = "clip_"  # of the JSON key for a metric's value of the clip itself


@dataclass(frozen=True, slots=True)
class Measured:
    """The metrics of a run."""

    values: Mapping[str, float | None]
    """Metric to value, in the order of the registry; None if there were too few frames, or no style."""
    clip: Mapping[str, float | None]
    """Metric to the value of the clip itself, for metrics that are reported for it."""
    flow: str
    """Name of the flow estimator that the metrics used."""
    is_own: bool
    """Whether the temporal method used the same estimator, which biases metrics in its favour."""
    pairs: int
    """Number of pairs of consecutive frames that were measured."""

    @classmethod
    def from_json(cls, record: Mapping[str, float | str | None]) -> Measured:
        """The inverse of ``to_json``."""
        numbers = {name: value for name, value in record.items() if not isinstance(value, str)}
        values = {name: value for name, value in numbers.items() if name in METRICS}
        clip = {name: numbers[_CLIP_PREFIX + name] for name in values if _CLIP_PREFIX + name in numbers}
        return cls(values, clip, str(record["flow"]), bool(numbers["is_own"]), int(numbers["pairs"] or 0))

    def to_json(self) -> dict[str, float | str | None]:
        """A flat mapping of JSON values; the clip's values have the prefix ``clip_``."""
        record: dict[str, float | str | None] = {}
        for name, value in self.values.items():
            record[name] = value
            if name in self.clip:
                record[_CLIP_PREFIX + name] = self.clip[name]
        return {**record, "flow": self.flow, "is_own": self.is_own, "pairs": self.pairs}

    def text(self) -> str:
        """One line for a terminal."""
        if not self.pairs:
            return "measured: too few frames"
        flow = f"the run's own flow ({self.flow}), which flatters" if self.is_own else self.flow
        values = ", ".join(self._value_text(name) for name in self.values)
        return f"measured: {values}; {self.pairs} pairs of frames, with {flow}; vidstyle evaluate tells more"

    def _value_text(self, name: str) -> str:
        value = self.values[name]
        if value is None and _needs_style(name):
            return "style not measured"
        sign = meaning_of(name).sign
        own = f" (the clip's own {written(name, self.clip[name])}{sign})" if name in self.clip else ""
        return f"{name.replace('_', ' ')} {written(name, value)}{sign}{own}"


class Meter:
    """Measures metrics on the frames of one run; keeps at most two frames."""

    def __init__(self, style: Any, flow: Any, name: str | None) -> None:
        """Load what the metrics need.

        Args:
            style: the style's pixels (H, W, 3); None if there are several.
            flow: the run's estimator; None: the default one of a CPU is loaded.
            name: the name of the run's estimator; None if it has none.
        """
        self._name, self._is_own = name or auto_flow("cpu"), name is not None
        self._motion = ScoringFlow(flow if flow is not None else load_flow("auto", "cpu"), name=self._name)
        setup = Setup(style=None if style is None else to_tensor(style))
        self._names = [name for name in METRICS if meaning_of(name).sampling is not None]
        self._metrics = {
            name: _Sampled.of(name, setup)
            for name in self._names
            if style is not None or not _needs_style(name)
        }
        self._before: Sample | None = None
        self._frame = 0
        self._pairs = 0

    def add(self, content: Frame, result: StylizedFrame) -> None:
        """Measure the next frame ``content`` and its ``result``, if it is one of those to measure."""
        frame = self._frame
        self._frame += 1
        before, self._before = None if result.is_cut else self._before, None
        metrics = self._metrics.values()
        singles = [metric for metric in metrics if metric.sampling.is_due(frame) and not metric.is_of_pairs]
        pairs = [metric for metric in metrics if metric.sampling.is_due(frame) and metric.is_of_pairs]
        is_first = any(metric.sampling.is_due(frame + 1) for metric in metrics if metric.is_of_pairs)
        if not (singles or is_first or (pairs and before is not None)):
            return
        now = Sample(to_tensor(content.pixels), to_tensor(result.frame.pixels))
        if pairs and before is not None:
            motion = {1: self._motion(1, before, now)}
            for metric in pairs:
                metric.add(now, {1: before}, motion)
            self._pairs += 1
        for metric in singles:
            metric.add(now, {}, {})
        self._before = now if is_first else None

    def result(self) -> Measured:
        """The metrics so far."""
        metrics = self._metrics
        return Measured(
            values={name: metrics[name].result.result() if name in metrics else None for name in self._names},
            clip={name: metric.clip.result() for name, metric in metrics.items() if metric.clip is not None},
            flow=self._name,
            is_own=self._is_own,
            pairs=self._pairs,
        )


@dataclass(frozen=True, slots=True)
class _Sampled:
    """A metric of a run: for its result, and for the clip itself if that is reported."""

    sampling: Sampling
    result: Metric
    clip: Metric | None

    @classmethod
    def of(cls, name: str, setup: Setup) -> _Sampled:
        sampling, make = meaning_of(name).sampling, METRICS.load(name)
        assert sampling is not None
        return cls(sampling, make(setup), make(setup) if sampling.with_clip else None)

    @property
    def is_of_pairs(self) -> bool:
        return bool(self.result.intervals)

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        self.result.add(now, past, motion)
        if self.clip is not None:
            self.clip.add(
                _unpainted(now), {step: _unpainted(sample) for step, sample in past.items()}, motion
            )


def _unpainted(sample: Sample) -> Sample:
    return Sample(sample.content, sample.content)


def _needs_style(name: str) -> bool:
    return "style" in METRICS.load(name).needs


def metered(
    frames: Iterable[Frame], stage: Callable[[Iterable[Frame]], Iterator[StylizedFrame]], meter: Meter
) -> Iterator[StylizedFrame]:
    """The results of ``stage`` for ``frames``, each also passed to ``meter`` with its frame."""
    waiting: deque[Frame] = deque()

    def remembered() -> Iterator[Frame]:
        for frame in frames:
            waiting.append(frame)
            yield frame

    with closing(stage(remembered())) as results:  # type: ignore[type-var]  # stages are generators
        for result in results:
            meter.add(waiting.popleft(), result)
            yield result
