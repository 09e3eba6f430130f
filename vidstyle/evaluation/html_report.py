"""The HTML report of an evaluation, one self-contained file: table, curves, worst moments, flicker maps."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vidstyle.evaluation.flicker_maps import FULL, heated
from vidstyle.evaluation.results import BASELINE, CLIP, Evaluation, Worst
from vidstyle.frames import Pixels
from vidstyle.metrics.meaning import meaning_of, written
from vidstyle.optional_imports import require
from vidstyle.outputs import write_text
from vidstyle.printable import printable

_COLOURS = ("#c2410c", "#1d4ed8", "#15803d", "#7e22ce", "#b45309", "#0e7490")
_CLIP_COLOUR, _BASELINE_COLOUR = "#6b7280", "#111827"


@dataclass(frozen=True, slots=True)
class _Row:
    metric: str
    figures: list[str]
    unit: str
    good: str


@dataclass(frozen=True, slots=True)
class _Figure:
    base64: str
    kind: str
    caption: str


def write_report(evaluation: Evaluation, target: Path) -> None:
    """Write ``evaluation`` to ``target``; the file appears when it is complete. Raises ``OutputError``."""
    write_text(target, page(evaluation))


def page(evaluation: Evaluation) -> str:
    """The report as HTML. Raises ``OptionError`` if jinja2 or matplotlib is missing."""
    jinja2 = require("jinja2", "--report")
    # names of files and metrics may contain anything: all are escaped
    loader = jinja2.PackageLoader("vidstyle", "evaluation")
    pages = jinja2.Environment(loader=loader, autoescape=True, keep_trailing_newline=True)
    text: str = pages.get_template("report.html.jinja").render(
        names=", ".join(evaluation.results),
        source=evaluation.source.name,
        columns=evaluation.columns,
        rows=[_row(evaluation, metric) for metric in evaluation.values],
        missing=evaluation.missing,
        remarks=evaluation.remarks(),
        sections=[
            ("Over time", _curves(evaluation)),
            ("The worst moments", [_moment(moment) for moment in evaluation.worst]),
            ("Where it flickers", _heat(evaluation)),
        ],
    )
    return text


def _row(evaluation: Evaluation, metric: str) -> _Row:
    meaning, row = meaning_of(metric), evaluation.values[metric]
    figures = [written(metric, row.get(column)) for column in evaluation.columns]
    return _Row(metric, figures, meaning.unit, meaning.good)


def _curves(evaluation: Evaluation) -> list[_Figure]:
    """One figure: a plot of each metric, with all columns and the cuts. [] if there is nothing to draw."""
    metrics = [
        metric
        for metric in evaluation.values
        if meaning_of(metric).is_drawn
        and any(_drawn(evaluation, column, metric) for column in evaluation.columns)
    ]
    if not metrics or len(evaluation.times) < 2:
        return []
    figure_of = require("matplotlib.figure", "--report").Figure
    figure = figure_of(figsize=(10, 2.3 * len(metrics)), dpi=110, layout="constrained")
    plots = figure.subplots(len(metrics), 1, sharex=True, squeeze=False)
    lines: dict[str, object] = {}
    for plot, metric in zip(plots[:, 0], metrics, strict=True):
        for column, colour in _colours(evaluation).items():
            if _drawn(evaluation, column, metric):
                values = [math.nan if v is None else v for v in evaluation.curves[column][metric]]
                is_result = column in evaluation.results
                (line,) = plot.plot(evaluation.times, values, color=colour, lw=1.6 if is_result else 1.0)
                lines.setdefault(column, line)
        for cut in evaluation.cuts:
            plot.axvline(float(cut), color="#9ca3af", ls="--", lw=1)
        plot.set_ylabel(printable(metric.replace("_", " ")), parse_math=False)
        plot.margins(x=0, y=0.1)
        plot.set_ylim(bottom=0)
        plot.grid(alpha=0.25)
    place = "outside upper right"  # where it covers no curve
    legend = figure.legend(list(lines.values()), ["-"] * len(lines), loc=place, ncols=4, fontsize="small")
    for text, column in zip(legend.get_texts(), lines, strict=True):
        text.set_parse_math(False)  # names may look like formulas ($x$) or hidden labels (_x)
        text.set_text(printable(column))
    plots[-1, 0].set_xlabel("seconds" + (" (dashed: cuts)" if evaluation.cuts else ""))
    data = io.BytesIO()
    figure.savefig(data, format="png")
    caption = "Frame by frame. Clip: the least possible. Baseline: each frame painted by itself."
    return [_figure(data.getvalue(), "png", caption)]


def _drawn(evaluation: Evaluation, column: str, metric: str) -> bool:
    return any(value is not None for value in evaluation.curves.get(column, {}).get(metric, ()))


def _colours(evaluation: Evaluation) -> dict[str, str]:
    colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(evaluation.results)}
    return {CLIP: _CLIP_COLOUR, BASELINE: _BASELINE_COLOUR, **colours}


def _moment(moment: Worst) -> _Figure:
    """A row for each column: two frames, and the map of change between them along the clip's motion."""
    rows = [
        np.concatenate([before, now, moment.heat[name]], axis=1)
        for name, (before, now) in moment.pictures.items()
    ]
    text = (
        f"{float(moment.time):.2f} s: rows {', '.join(moment.pictures)}; the frame before, the frame, and "
        f"the change along the clip's motion, from dark red to yellow at {FULL:.0%} or more; "
        "what is hidden in one of the frames does not count"
    )
    return _figure(_jpeg(np.concatenate(rows)), "jpeg", text)


def _heat(evaluation: Evaluation) -> list[_Figure]:
    figures = []
    for name, change in evaluation.heat.items():
        grey = np.zeros((*change.shape, 3), np.uint8)
        text = f"{name}: mean change along the clip's motion, black: none, yellow: {FULL / 5:.0%} or more"
        figures.append(
            _figure(_jpeg(heated(grey, change * 5)), "jpeg", text)
        )  # means are small, so they are amplified
    return figures


def _figure(data: bytes, kind: str, caption: str) -> _Figure:
    return _Figure(base64.b64encode(data).decode(), kind, caption)


def _jpeg(pixels: Pixels) -> bytes:
    """``pixels`` as JPEG: for paintings several times smaller than PNG."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="JPEG", quality=80, optimize=True)
    return data.getvalue()
