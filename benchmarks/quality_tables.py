"""Tables of what ``benchmark_quality.py`` measures: its metrics, a row, CSV and Markdown."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

METRICS = (
    *("warping_error", "frame_difference", "sharpness"),
    *("structure_moving_kept", "structure_ground_kept", "structure_small_kept", "ghosts"),
    *("pops", "streaks", "temporal_loss_short"),
)
SLOW_METRICS = ("style_distance", "content_distance")


@dataclass(frozen=True, slots=True)
class Row:
    """One clip in one style with one setting, measured."""

    clip: str
    style: str
    setting: str
    frames: int
    values: dict[str, float | None]


def write_tables(rows: Sequence[Row], folder: Path) -> None:
    """``quality.csv``, ``quality.md`` and ``quality_means.md``."""
    names = [*METRICS, *SLOW_METRICS]
    with (folder / "quality.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "style", "setting", "frames", *names])
        for row in rows:
            writer.writerow([row.clip, row.style, row.setting, row.frames, *(row.values[n] for n in names)])
    (folder / "quality.md").write_text(markdown(rows) + "\n")
    (folder / "quality_means.md").write_text(means(rows) + "\n")


def markdown(rows: Sequence[Row]) -> str:
    """One line a row."""
    from vidstyle.metrics.meaning import written

    names = [*METRICS, *SLOW_METRICS]
    lines = [["clip", "style", "setting", *names], ["---"] * (3 + len(names))]
    for row in rows:
        lines.append([row.clip, row.style, row.setting, *(written(n, row.values[n]) for n in names)])
    return table(lines)


def means(rows: Sequence[Row]) -> str:
    """One line a setting: the mean of its rows."""
    from vidstyle.metrics.meaning import written

    names = [*METRICS, *SLOW_METRICS]
    lines = [["setting", *names], ["---"] * (1 + len(names))]
    for setting in dict.fromkeys(row.setting for row in rows):
        same = [row for row in rows if row.setting == setting]
        lines.append([setting, *(written(name, _mean([row.values[name] for row in same])) for name in names)])
    return table(lines)


def table(lines: Sequence[Sequence[str]]) -> str:
    """``lines`` of cells as a Markdown table; the second is the rule below the head."""
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
