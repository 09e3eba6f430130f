"""An analysis as a text table, CSV and JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict

from vidstyle.metrics.targets import MOS
from vidstyle.printable import printable
from vidstyle.study.analysis import MEASURED, Analysis
from vidstyle.study.opinion import Opinion

_MET = "*"  # marks what meets a target


def table(analysis: Analysis) -> str:
    """``analysis`` as a text table, with the remarks below."""
    rows = [[printable(cell) for cell in row] for row in (columns_of(analysis), *rows_of(analysis))]
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *map(printable, remarks_of(analysis))])


def to_json(analysis: Analysis) -> dict[str, object]:
    """All numbers of ``analysis``, and the targets."""
    targets = {target.name: target.text for target in (MOS, *MEASURED)}
    return {**asdict(analysis), "conditions": analysis.conditions, "targets": targets}


def to_csv(analysis: Analysis) -> str:
    """One line for each condition and each question, strength or metric."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["condition", "what", "value", "people", "margin", "low", "high"])
    for condition in analysis.conditions:
        for suffix, table in (("", analysis.opinions), (" relative", analysis.relative)):
            for question, row in table.items():
                if given := row.get(condition):
                    margin = "" if given.margin is None else given.margin
                    cells = [given.mean, given.people, margin, *given.bootstrap]
                    writer.writerow([condition, f"{question}{suffix}", *cells])
        if analysis.preferences and (strength := analysis.preferences.by_condition.get(condition)):
            writer.writerow([condition, "strength", strength.strength, "", "", *strength.bootstrap])
        for metric, value in analysis.measured.get(condition, {}).items():
            writer.writerow([condition, metric, value, "", "", "", ""])
    return text.getvalue()


def columns_of(analysis: Analysis) -> list[str]:
    """The heads of the table."""
    heads = ["condition", *analysis.opinions]
    heads += [f"{question} rel." for question in analysis.relative]
    heads += ["preferred", "strength"] if analysis.preferences else []
    return heads + [target.name for target in MEASURED if _is_measured(analysis, target.name)]


def rows_of(analysis: Analysis) -> list[list[str]]:
    """The cells of the table, one row a condition."""
    rows = []
    for condition in analysis.conditions:
        row = [condition]
        row += [_score(opinions.get(condition)) for opinions in analysis.opinions.values()]
        row += [_score(opinions.get(condition), marks=False) for opinions in analysis.relative.values()]
        if analysis.preferences:
            given = analysis.preferences.by_condition.get(condition)
            row += ["-", "-"] if given is None else [f"{given.share:.0%}", f"{given.strength:+.2f}"]
        for target in MEASURED:
            if _is_measured(analysis, target.name):
                value = analysis.measured.get(condition, {}).get(target.name)
                is_met = value is not None and target.is_met(value)
                row.append("-" if value is None else f"{value:.3g}{_MET if is_met else ' '}")
        rows.append(row)
    return rows


def remarks_of(analysis: Analysis) -> list[str]:
    """How the numbers were made, in lines of text."""
    lines = [
        f"{analysis.people} people"
        + (f", {analysis.unfinished} of them unfinished" * bool(analysis.unfinished))
    ]
    if analysis.inattentive:
        lines.append(f"left out for failed attention checks: {', '.join(analysis.inattentive)}")
    for question, people in analysis.rejected.items():
        lines.append(f"grades of {question} rejected as outliers (BT.500): {', '.join(people)}")
    if analysis.opinions:
        lines.append("mean opinions 1 to 5, ± half the 95 % interval (Student's t over people)")
    if analysis.relative:
        lines.append("rel.: relative to the grade of the source itself; 5 is as good as the source")
    if analysis.preferences:
        lines.append("strength: logarithm of the Bradley-Terry model; a lead of 1.1 wins 3 pairs of 4")
        if analysis.preferences.is_smoothed:
            lines.append(
                "one condition won or lost all pairs: half a preference each way was added to each pair"
            )
        for duel in analysis.preferences.duels:
            chance = "p < 0.001" if duel.probability < 0.001 else f"p = {duel.probability:.3f}"
            lines.append(
                f"{duel.first} preferred to {duel.second} in {duel.wins} of {duel.pairs} pairs, {chance}"
            )
    shown = [MOS] * bool(analysis.opinions)
    shown += [target for target in MEASURED if _is_measured(analysis, target.name)]
    if shown:
        targets = ", ".join(f"{target.name} {target.text}" for target in shown)
        lines.append(f"{_MET} meets the article's target: {targets}")
    return lines


def _is_measured(analysis: Analysis, metric: str) -> bool:
    return any(metric in values for values in analysis.measured.values())


def _score(opinion: Opinion | None, *, marks: bool = True) -> str:
    if opinion is None:
        return "-"
    margin = "" if opinion.margin is None else f" ±{opinion.margin:.2f}"
    mark = (_MET if MOS.is_met(opinion.mean) else " ") if marks else ""
    return f"{opinion.mean:.2f}{margin}{mark}"
