"""The report of a study's analysis, one self-contained HTML file: table, remarks and plots."""

from __future__ import annotations

import base64
import html
import io

from vidstyle.metrics.targets import MOS
from vidstyle.optional_imports import require
from vidstyle.printable import printable
from vidstyle.study.analysis import MEASURED, Analysis
from vidstyle.study.results import columns_of, remarks_of, rows_of

_COLOURS = ("#1d4ed8", "#c2410c", "#15803d", "#7e22ce", "#b45309", "#0e7490")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; max-width: 1080px;
       margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } th, td { padding: .3rem .7rem; border-bottom: 1px solid #e5e7eb }
td { text-align: right; font-variant-numeric: tabular-nums }
th:first-child, td:first-child { text-align: left }
p { color: #4b5563; margin: .2rem 0 } img { max-width: 100% }
"""


def report(analysis: Analysis) -> str:
    """``analysis`` as HTML; raises ``OptionError`` if matplotlib is missing."""

    def row(cells: list[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"

    table = [row(columns_of(analysis), "th"), *(row(cells, "td") for cells in rows_of(analysis))]
    remarks = "".join(f"<p>{html.escape(line)}</p>" for line in remarks_of(analysis))
    plot = base64.b64encode(_plot(analysis)).decode()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>What people said</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>What people said</h1>\n<table>{''.join(table)}</table>\n"
        f'{remarks}\n<img alt="The same numbers as plots, with their 95 % intervals and the targets" '
        f'src="data:image/png;base64,{plot}">\n</body></html>\n'
    )


def _plot(analysis: Analysis) -> bytes:
    """A PNG: opinions with intervals and the target, strengths, and measured values with theirs."""
    figure_of = require("matplotlib.figure", "--report").Figure
    names = analysis.conditions
    measured = [
        target for target in MEASURED if any(target.name in values for values in analysis.measured.values())
    ]
    count = bool(analysis.opinions) + bool(analysis.preferences) + len(measured)
    figure = figure_of(figsize=(10, 3.2 * max(1, count)), dpi=110, layout="constrained")
    plots = iter(figure.subplots(max(1, count), 1, squeeze=False)[:, 0])
    places = list(range(len(names)))
    if analysis.opinions:
        plot = next(plots)
        for number, (question, row) in enumerate(analysis.opinions.items()):
            shift = 0.8 * (number - (len(analysis.opinions) - 1) / 2) / len(analysis.opinions)
            shown = [
                (place + shift, row[name]) for place, name in zip(places, names, strict=True) if name in row
            ]
            plot.errorbar(
                [place for place, _ in shown],
                [opinion.mean for _, opinion in shown],
                yerr=[opinion.margin or 0 for _, opinion in shown],
                fmt="o",
                capsize=4,
                color=_COLOURS[number % len(_COLOURS)],
                label=question,
            )
        plot.axhline(MOS.limit, color="#6b7280", ls="--", lw=1)
        plot.set_ylim(0.8, 5.2)
        plot.set_ylabel(f"mean opinion (target {MOS.text})")
        plot.legend(loc="lower left", ncols=4, fontsize="small")
        _name(plot, places, names)
    if analysis.preferences:
        plot = next(plots)
        given = analysis.preferences.by_condition
        pairs = [(place, given[name]) for place, name in zip(places, names, strict=True) if name in given]
        low = [max(0.0, each.strength - each.bootstrap[0]) for _, each in pairs]
        high = [max(0.0, each.bootstrap[1] - each.strength) for _, each in pairs]
        heights = [each.strength for _, each in pairs]
        plot.errorbar(
            [place for place, _ in pairs], heights, yerr=[low, high], fmt="s", capsize=4, color="#111827"
        )
        plot.set_ylabel("strength in pairs")
        _name(plot, places, names)
    for target in measured:
        plot = next(plots)
        values = [analysis.measured.get(name, {}).get(target.name, 0.0) for name in names]
        plot.bar(places, values, width=0.5, color="#9ca3af")
        plot.axhline(target.limit, color="#6b7280", ls="--", lw=1)
        plot.set_ylabel(f"{target.name} (target {target.text})".replace("_", " "))
        _name(plot, places, names)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _name(plot: object, places: list[int], names: list[str]) -> None:
    """Write the conditions below ``plot``, as they are: no part of a name is taken for a formula."""
    axis = plot
    axis.set_xlim(-0.6, len(names) - 0.4)  # type: ignore[attr-defined]
    axis.set_xticks(places, [printable(name) for name in names], parse_math=False)  # type: ignore[attr-defined]
    axis.grid(axis="y", alpha=0.25)  # type: ignore[attr-defined]
