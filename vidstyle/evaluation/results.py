"""The records of an evaluation: values, measuring conditions, and flicker maps."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidstyle.frames import Pixels
from vidstyle.metrics.meaning import meaning_of, written

CLIP, BASELINE = "clip", "baseline"
"""The columns beside the results: the clip itself, and the per-frame baseline."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the values were measured; only values with the same conditions can be compared."""

    flow: str
    """The estimator for scoring; "" if no metric needed one."""
    flow_size: int | None
    """Short side (px) at which motion was estimated; None: that of the clip."""
    warped_by: Mapping[str, str | None]
    """Result to the estimator that steadied it, from its tags; "none": not steadied; None: unknown."""
    features: str
    """The perceptual encoder."""
    size: tuple[int, int]
    """Width and height (px) of the measured frames."""
    every: int
    """One in so many frames was measured."""
    mask: str = "Lai 2018 (forward-backward 0.01/0.5, motion boundary 0.01/0.002, forward differences)"
    intervals: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Metric to the distances (frames) of the frames that it compares."""
    normalisation: Mapping[str, str] = field(default_factory=dict)
    """Metric of flicker to how its differences are averaged."""
    notes: tuple[str, ...] = ()
    """Differences between clip and results, and what makes values look better than they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Worst:
    """A moment at which the result flickers most, compared with its clip."""

    time: Fraction
    excess: float
    """Warping error of the result minus that of the clip."""
    pictures: Mapping[str, tuple[Pixels, Pixels]]
    """Column to the frame before this moment and the one at it."""
    heat: Mapping[str, Pixels]
    """Column to the map of change between them along the clip's motion, drawn over the frame in grey."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The values of one or several results of a clip."""

    source: Path
    results: Mapping[str, Path]
    """Column name to file."""
    values: Mapping[str, Mapping[str, float | None]]
    """Metric to column (``clip``, ``baseline``, each result) to value; None where it cannot be measured."""
    missing: Mapping[str, str]
    """Metrics that could not be measured at all, with the reason."""
    frames: int
    cuts: tuple[Fraction, ...]
    """Times (s) at which a new shot begins, without the first."""
    conditions: Conditions
    times: tuple[float, ...] = ()
    """Time (s) of each measured frame."""
    curves: Mapping[str, Mapping[str, tuple[float | None, ...]]] = field(default_factory=dict)
    """Column to metric to its value at each of ``times``."""
    worst: tuple[Worst, ...] = ()
    heat: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Column to the mean change (H, W) of each pixel, in [0, 1]."""

    def value(self, metric: str, column: str | None = None) -> float | None:
        """The value of ``metric`` for a column; None: for the first result."""
        return self.values[metric].get(column if column is not None else next(iter(self.results)))

    @property
    def columns(self) -> list[str]:
        """The results, then the clip and the baseline if they were measured."""
        measured = {column for row in self.values.values() for column in row}
        return [*self.results, *(name for name in (CLIP, BASELINE) if name in measured)]

    def to_json(self) -> dict[str, Any]:
        """All values and conditions; ``metrics`` has those of the first result, ``results`` those of each."""
        metrics_of = {name: self._json_of(name) for name in self.results}
        conditions = {name: getattr(self.conditions, name) for name in Conditions.__slots__}
        return {
            "source": str(self.source),
            "metrics": next(iter(metrics_of.values())),
            "results": {
                name: {"file": str(self.results[name]), "metrics": metrics}
                for name, metrics in metrics_of.items()
            },
            "missing": dict(self.missing),
            "frames": self.frames,
            "cuts": [float(cut) for cut in self.cuts],
            "conditions": _plain(conditions),
        }

    def _json_of(self, name: str) -> dict[str, Any]:
        return {
            metric: {
                "value": _number(row.get(name)),
                CLIP: _number(row.get(CLIP)),
                BASELINE: _number(row.get(BASELINE)),
                "unit": meaning_of(metric).unit,
            }
            for metric, row in self.values.items()
        }

    def to_csv(self) -> str:
        """One line for each metric and one field for each column; empty if there is no value."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["metric", "unit", *self.columns])
        for metric, row in self.values.items():
            numbers = [row.get(column) for column in self.columns]
            writer.writerow(
                [metric, meaning_of(metric).unit, *("" if n is None else repr(n) for n in numbers)]
            )
        return text.getvalue()

    def table(self) -> str:
        """The values as a text table, with the remarks below."""
        head = ["metric", *self.columns, "good is"]
        rows = [head]
        for metric, row in self.values.items():
            cells = [written(metric, row.get(column)) for column in self.columns]
            rows.append([metric, *cells, meaning_of(metric).good])
        for metric, reason in self.missing.items():
            rows.append([metric, *["-"] * len(self.columns), reason])
        return "\n".join([*aligned(rows), "", *self.remarks()])

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        return f"<pre>{escape(self.table())}</pre>"

    def remarks(self) -> list[str]:
        """How the values were measured, in lines of text."""
        conditions = self.conditions
        lines = [
            f"{self.frames} frames at {conditions.size[0]}x{conditions.size[1]}"
            + (f", each {_ordinal(conditions.every)} measured" if conditions.every > 1 else "")
            + (f", {len(self.cuts)} cuts left out" if self.cuts else "")
        ]
        if conditions.flow:
            at = f" at a short side of {conditions.flow_size} px at most" if conditions.flow_size else ""
            lines.append(f"flow: {conditions.flow} on the clip{at}; mask: {conditions.mask}")
            for name, warped in conditions.warped_by.items():
                by = f"steadied with {warped or 'an unknown flow, if any'}"
                lines.append(f"{name} was {'not steadied' if warped == 'none' else by}")
        for name, mean in conditions.normalisation.items():
            steps = ", ".join(map(str, conditions.intervals[name]))
            lines.append(f"{name}: {mean}, between frames {steps} apart")
        lines.append(f"features: {conditions.features}")
        return [*lines, *conditions.notes]


def aligned(rows: Iterable[list[str]]) -> list[str]:
    """``rows`` of cells as lines: the first and last column left-aligned, the others right-aligned."""
    table = list(rows)
    widths = [max(len(row[index]) for row in table) for index in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if index in (0, len(row) - 1) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _number(value: float | None) -> float | str | None:
    """A number for JSON, which has no infinities and no NaN: these become text."""
    if value is None or math.isfinite(value):
        return value
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def _plain(value: object) -> object:
    return json.loads(json.dumps(value, default=str))


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"
