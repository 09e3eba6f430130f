"""The metrics that an evaluation measures, and why others cannot be measured."""

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
    """The metrics to measure: those that are named, or all that can be measured.

    Raises ``OptionError`` if none can be measured, or a named one is no metric or needs a missing library.
    """

    def __init__(self, metrics: Sequence[object] | None, *, has_style: bool, has_baseline: bool) -> None:
        self.missing: dict[str, str] = {}
        """Metrics that cannot be measured, with the reason."""
        self.intervals: dict[str, tuple[int, ...]] = {}
        self.needs_motion = False
        self._parts: dict[str, Metric] = {}
        candidates = {name_of_part(metric): metric for metric in (METRICS if metrics is None else metrics)}
        for name, metric in candidates.items():
            part = _checked(name, metric)
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
        """Column (a result, the clip or the baseline) to new metrics by name, those that apply to it."""
        return {
            column: {
                name: _instance(part, setup)
                for name, part in self._parts.items()
                if not (column == CLIP and not meaning_of(name).tells_clip)
                and not (column == BASELINE and not meaning_of(name).tells_baseline)
            }
            for column in columns
        }


def _checked(name: str, metric: object) -> Metric:
    """The class or object that ``metric`` is or names; raises ``OptionError`` if it is no metric."""
    part = METRICS.load(metric) if isinstance(metric, str) else metric
    if missing := [
        attribute for attribute in ("needs", "intervals", "add", "result") if not hasattr(part, attribute)
    ]:
        raise OptionError(f"the metric {name} has no {missing[0]!r}; see docs/adding-parts.md")
    return cast(Metric, part)


def _instance(part: object, setup: Setup) -> Metric:
    """A new metric of a class, or a copy of a metric object."""
    return cast(Metric, part(setup) if isinstance(part, type) else deepcopy(part))
