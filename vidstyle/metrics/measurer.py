"""Runs metrics over a clip and its results, frame by frame, in constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from vidstyle.metrics.base import Metric, Motion, Sample

Estimate = Callable[[int, Sample, Sample], Motion]
"""(interval in frames, earlier, later) -> the motion between the contents of two samples."""


class Measurer:
    """Runs columns of metrics (one column a result) over samples that share a clip.

    Motion is estimated once for all columns, and only where a metric asks for it. Memory does not grow:
    as many frames are kept as the longest interval reaches back.
    """

    def __init__(
        self, columns: Mapping[str, Mapping[str, Metric]], estimate: Estimate, *, every: int = 1
    ) -> None:
        """Measure ``columns`` (result to name to metric).

        Args:
            columns: the metrics of each result.
            estimate: called with interval, earlier and later sample.
            every: measure one in ``every`` frames; intervals count unmeasured frames too.
        """
        metrics = [metric for column in columns.values() for metric in column.values()]
        self.columns = {name: dict(column) for name, column in columns.items()}
        self._estimate = estimate
        self.every = every
        self._moving = {step for metric in metrics if "motion" in metric.needs for step in metric.intervals}
        self._past: deque[Mapping[str, Sample]] = deque(
            maxlen=max((step for metric in metrics for step in metric.intervals), default=0)
        )
        self._is_new_shot = False  # whether a shot began after the frame measured last
        self.frames = 0
        self.latest_motion: Mapping[int, Motion] = {}
        """Motion to the frame added last, by interval."""
        self.latest_before: Mapping[str, Sample] | None = None
        """The samples before the frame added last; None at a cut."""

    def add(self, samples: Mapping[str, Sample]) -> dict[str, dict[str, float | None]]:
        """Measure the next frame, one sample a column; returns each metric's value for this frame."""
        first = next(iter(samples.values()))
        if first.is_cut:
            self._past.clear()
        self._is_new_shot |= first.is_cut
        values: dict[str, dict[str, float | None]] = {name: {} for name in self.columns}
        self.latest_motion = {}
        self.latest_before = self._past[-1] if self._past else None
        if self.frames % self.every == 0:
            if self._is_new_shot and not first.is_cut:  # the cut was at an unmeasured frame
                samples = {name: replace(sample, is_cut=True) for name, sample in samples.items()}
            self._is_new_shot = False
            reach = len(self._past)
            with torch.inference_mode():
                motion = {
                    step: self._estimate(step, next(iter(self._past[-step].values())), first)
                    for step in sorted(self._moving)
                    if step <= reach
                }
                self.latest_motion = motion
                for name, column in self.columns.items():
                    past = {step: self._past[-step][name] for step in range(1, reach + 1)}
                    for metric_name, metric in column.items():
                        metric.add(samples[name], past, motion)
                        values[name][metric_name] = metric.latest
        self._past.append(samples)
        self.frames += 1
        return values

    def results(self) -> dict[str, dict[str, float | None]]:
        """Column to metric to value so far."""
        return {
            name: {metric_name: metric.result() for metric_name, metric in column.items()}
            for name, column in self.columns.items()
        }
