"""Which metrics an evaluation measures, and why others cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import cast

from vidstyle.errors import OptionError
from vidstyle.evaluation.results import BASELINE, CLIP
from vidstyle.metrics.base import Metric, Setup
from vidstyle.metrics.meaning import meaning_of
from vidstyle.optional_imports import require
from vidstyle.registry import METRICS, name_of_part


class ChosenMetrics:
    """The metrics that can be measured, and why others cannot."""

    def __init__(self, metrics: Sequence[object] | None, *, has_style: bool, has_baseline: bool) -> None:
        self.missing: dict[str, str] = {}
        self.intervals: dict[str, tuple[int, ...]] = {}
        self.needs_motion = False
        self._parts: dict[str, Metric] = {}
        named = {name_of_part(metric): metric for metric in (METRICS if metrics is None else metrics)}
        for name, metric in named.items():
            part = _metric(name, metric)
            if metrics is None and getattr(part, "is_on_request", False):
                continue
            try:
                if library := getattr(part, "library", None):
                    require(library, name)
            except OptionError as error:
                if metrics is not None:
                    raise
                self.missing[name] = str(error)
                continue
            if "style" in part.needs and not has_style:
                self.missing[name] = "needs --style"
            elif "baseline" in part.needs and not has_baseline:
                self.missing[name] = "needs --baseline or --engine"
            else:
                self._parts[name] = part
                self.needs_motion |= "motion" in part.needs
                if part.intervals:
                    self.intervals[name] = tuple(part.intervals)
        if not self._parts:
            reasons = "; ".join(f"{name} {reason}" for name, reason in self.missing.items())
            raise OptionError(f"nothing can be measured: {reasons or 'no metric was named'}")

    @property
    def names(self) -> list[str]:
        return list(self._parts)

    def columns(self, columns: Iterable[str], setup: Setup) -> dict[str, dict[str, Metric]]:
        """The metrics of each column (a result, clip or baseline), except those without meaning for it."""
        return {
            column: {
                name: _made(part, setup)
                for name, part in self._parts.items()
                if not (column == CLIP and not meaning_of(name).tells_clip)
                and not (column == BASELINE and not meaning_of(name).tells_baseline)
            }
            for column in columns
        }


def _metric(name: str, metric: object) -> Metric:
    """The class of a metric, or a metric object, of which each column gets a copy."""
    part = METRICS.load(metric) if isinstance(metric, str) else metric
    if missing := [word for word in ("needs", "intervals", "add", "result") if not hasattr(part, word)]:
        raise OptionError(f"the metric {name} has no {missing[0]!r}; see docs/adding-parts.md")
    return cast(Metric, part)


def _made(part: object, setup: Setup) -> Metric:
    return cast(Metric, part(setup) if isinstance(part, type) else deepcopy(part))
