"""Steadiness of the per-frame baseline, the classic blend and the paint map, with strips of frames."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from bench_inputs import Inputs, frames
from tqdm import tqdm

from vidstyle.flow.cache import FlowCache
from vidstyle.flow.raft import RaftSmall
from vidstyle.frames import Pixels
from vidstyle.metrics.base import Metric, Sample, Setup
from vidstyle.metrics.meaning import written
from vidstyle.metrics.measurer import Measurer
from vidstyle.metrics.motion import ScoringFlow
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.registry import METRICS
from vidstyle.styles.pictures import load
from vidstyle.temporal.cuts import Cuts
from vidstyle.tensors import to_tensor

METHODS: tuple[Literal["map", "blend"], ...] = ("map", "blend")
_FAST = ("warping_error", "frame_difference", "sharpness")
_OF_RESULTS = ("structure_moving_kept", "structure_ground_kept", "structure_small_kept", "ghosts")
_SLOW = ("style_distance", "content_distance")
STROKES: Mapping[str, int | None] = {"": None, " coarse": 160}
"""Working sizes (px) by what is added to a style's name: small ones paint with large strokes."""
_SHEET, _STRIP = 5, 6  # pictures of a row
_EVERY = 6  # frames: features of each sixth frame tell a mean style well enough


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure that the paint map is to keep."""

    name: str
    value: float
    bound: float
    is_least: bool

    @property
    def is_kept(self) -> bool:
        return self.value >= self.bound if self.is_least else self.value <= self.bound


@dataclass(frozen=True, slots=True)
class Pair:
    """A clip in a style, measured: column (clip, baseline, map, blend) to metric to value."""

    clip: str
    style: str
    frames: int
    cuts: int
    values: Mapping[str, Mapping[str, float | None]]

    def value(self, column: str, metric: str) -> float:
        value = self.values[column][metric]
        if value is None:
            raise ValueError(f"{self.clip} in {self.style} has no {metric} of {column}")
        return value

    def known(self, column: str, metric: str) -> list[float]:
        """The value if there is one: a clip in which nothing moves keeps no structure of what moves."""
        value = self.values[column][metric]
        return [] if value is None else [value]

    def ratio(self, metric: str, above: str, below: str) -> float:
        return self.value(above, metric) / self.value(below, metric)


def measure(inputs: Inputs, *, count: int, width: int, folder: Path, cache: Path | None) -> list[Pair]:
    """Paint and score every clip in every style; tables and pictures go to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    flow = ScoringFlow(RaftSmall(), name="raft-small", size=None, cache=FlowCache(cache))
    pairs = []
    for clip in inputs.clips:
        shots = frames(clip, width=width, count=count)
        for style, (strokes, size) in product(inputs.styles, STROKES.items()):
            name = Path(style).stem + strokes
            columns = painted(shots, style, size, label=f"{clip.stem} in {name}")
            pair = replace(score(shots, columns, style, flow, name=clip.stem), style=name)
            pairs.append(pair)
            stem = f"{clip.stem}_{name.replace(' ', '_')}"
            write_picture(folder / f"{stem}_sheet.png", sheet({"clip": shots, **columns}))
            write_picture(folder / f"{stem}_strip.png", strip({"clip": shots, **columns}))
            (folder / "steadiness.json").write_text(json.dumps([asdict(p) for p in pairs], indent=1))
            print(table([pair]), flush=True)
    return pairs


def painted(shots: Sequence[Pixels], style: str, size: int | None, *, label: str) -> dict[str, list[Pixels]]:
    """``shots`` painted frame by frame, with the paint map and with the blend, at a working ``size`` (px)."""
    bar = tqdm(total=len(shots) * (1 + len(METHODS)), desc=label, unit="frame", leave=False)
    with bar:
        baseline, stylizer = [], Stylizer(style, working_size=size)
        for pixels in shots:
            baseline.append(stylizer.image(pixels))
            bar.update()
        columns = {"baseline": baseline}
        for method in METHODS:
            columns[method] = []
            for result in Stylizer(style, temporal=method, working_size=size).frames(shots):
                columns[method].append(result)
                bar.update()
    return columns


def score(
    shots: Sequence[Pixels],
    columns: Mapping[str, Sequence[Pixels]],
    style: str,
    flow: ScoringFlow,
    *,
    name: str,
) -> Pair:
    """Measure ``columns`` ("baseline" among them), and the clip itself, frame by frame."""
    setup = Setup(style=to_tensor(load(style)))
    names = ["clip", *columns]
    columns_of = _metrics(names, _FAST, setup)
    for method, metrics in _metrics(METHODS, _OF_RESULTS, setup).items():
        columns_of[method] |= metrics
    fast = Measurer(columns_of, flow)
    slow = Measurer(_metrics(names, _SLOW, setup), flow, every=_EVERY)
    cuts, cut_count = Cuts(), 0
    for index, pixels in enumerate(shots):
        seen = cuts.look(pixels)
        is_cut = seen.is_break
        cut_count += is_cut and index > 0
        content, baseline = to_tensor(pixels), to_tensor(columns["baseline"][index])
        samples = {"clip": Sample(content, content, baseline, is_cut)}
        for column, results in columns.items():
            result = baseline if column == "baseline" else to_tensor(results[index])
            samples[column] = Sample(content, result, baseline, is_cut)
        fast.add(samples)
        slow.add(samples)
    quick, rest = fast.results(), slow.results()
    values = {column: {**quick[column], **rest[column]} for column in names}
    return Pair(name, Path(style).stem, len(shots), cut_count, values)


def _metrics(columns: Iterable[str], names: Iterable[str], setup: Setup) -> dict[str, dict[str, Metric]]:
    return {column: {name: METRICS.load(name)(setup) for name in names} for column in columns}


def limits(pairs: Sequence[Pair]) -> list[Limit]:
    """What the default is held to, over all pairs."""
    calmer = [pair.ratio("warping_error", "baseline", "map") for pair in pairs]
    sharp = [pair.value("map", "sharpness") for pair in pairs]
    clip = max(pair.ratio("warping_error", "map", "clip") for pair in pairs)
    blend = max(pair.ratio("warping_error", "map", "blend") for pair in pairs)
    style = statistics.mean(pair.ratio("style_distance", "map", "baseline") for pair in pairs)
    moving, ground = (
        [value for pair in pairs for value in pair.known("map", f"structure_{part}_kept")]
        for part in ("moving", "ground")
    )
    structure = [
        *([Limit("structure kept, moving, mean", statistics.mean(moving), 0.95, True)] if moving else []),
        *([Limit("structure kept, moving, worst pair", min(moving), 0.9, True)] if moving else []),
        *([Limit("structure kept, ground, worst pair", min(ground), 0.98, True)] if ground else []),
    ]
    return [
        *structure,
        Limit("error lower than the baseline, geometric mean", statistics.geometric_mean(calmer), 3.5, True),
        Limit("error lower than the baseline, worst pair", min(calmer), 1.7, True),
        Limit("error over the clip's own, worst pair", clip, 2.0, False),
        Limit("error over blend's, worst pair", blend, 1.1, False),
        Limit("sharpness, mean", statistics.mean(sharp), 0.95, True),
        Limit("sharpness, worst pair", min(sharp), 0.85, True),
        Limit("style distance over the baseline's, mean", style, 1.05, False),
    ]


def table(pairs: Sequence[Pair]) -> str:
    """A Markdown table of ``pairs``: error x 1e5, the rest as ratios to the per-frame baseline."""
    head = ["clip", "style", "error x 1e5: clip", "baseline", "blend", "map", "map: lower by", "over clip",
            "sharpness blend", "map", "style blend", "map", "difference % baseline", "blend", "map",
            "structure kept, moving: blend", "map", "ground: blend", "map", "small: blend", "map",
            "ghosts % blend", "map"]  # fmt: skip
    rows = [head, ["---"] * len(head)]
    for pair in pairs:
        errors = [
            f"{1e5 * pair.value(word, 'warping_error'):.0f}" for word in ("clip", "baseline", "blend", "map")
        ]
        rows.append(
            [
                pair.clip,
                pair.style,
                *errors,
                f"{pair.ratio('warping_error', 'baseline', 'map'):.2f}",
                f"{pair.ratio('warping_error', 'map', 'clip'):.2f}",
                *(f"{pair.value(word, 'sharpness'):.2f}" for word in ("blend", "map")),
                *(f"{pair.ratio('style_distance', word, 'baseline'):.2f}" for word in ("blend", "map")),
                *(f"{pair.value(word, 'frame_difference'):.2f}" for word in ("baseline", "blend", "map")),
                *(
                    written(metric, pair.values[word][metric])
                    for metric in _OF_RESULTS
                    for word in ("blend", "map")
                ),
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def verdict(kept: Sequence[Limit]) -> str:
    rows = ["| over all pairs | value | wanted | |", "|---|---|---|---|"]
    for limit in kept:
        sign = "at least" if limit.is_least else "at most"
        word = "kept" if limit.is_kept else "MISSED"
        rows.append(f"| {limit.name} | {limit.value:.3f} | {sign} {limit.bound} | {word} |")
    return "\n".join(rows)


def sheet(columns: Mapping[str, Sequence[Pixels]]) -> Pixels:
    """One row a column, frames evenly over the clip, half size."""
    count = min(len(pictures) for pictures in columns.values())
    picks = [round(index * (count - 1) / (_SHEET - 1)) for index in range(_SHEET)]
    return _rows({word: [_half(pictures[pick]) for pick in picks] for word, pictures in columns.items()})


def strip(columns: Mapping[str, Sequence[Pixels]]) -> Pixels:
    """One row a column, consecutive frames of the part that changes most, twice as large to show strokes."""
    count = min(len(pictures) for pictures in columns.values())
    first = max(0, min(count * 2 // 3, count - _STRIP))
    height, width = columns["clip"][0].shape[:2]
    side = min(height, width, 160)
    painted = next(pictures for word, pictures in columns.items() if word != "clip")
    top, left = _busiest(painted[first : first + _STRIP], side)
    rows: dict[str, list[Pixels]] = {}
    for word, pictures in columns.items():
        parts = [
            picture[top : top + side, left : left + side] for picture in pictures[first : first + _STRIP]
        ]
        rows[word] = [
            np.asarray(cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST), np.uint8)
            for part in parts
        ]
    return _rows(rows)


def _busiest(pictures: Sequence[Pixels], side: int) -> tuple[int, int]:
    """Top and left of the square that changes most from frame to frame."""
    changes = [
        np.abs(a.astype(np.float32) - b).sum(-1) for a, b in zip(pictures[1:], pictures[:-1], strict=True)
    ]
    change: Any = cv2.blur(np.mean(changes, axis=0), (side, side))
    half = side // 2
    height, width = change.shape
    inner = change[half : height - half + 1, half : width - half + 1]
    y, x = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(min(y, height - side)), int(min(x, width - side))


def _half(picture: Pixels) -> Pixels:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _rows(rows: Mapping[str, Sequence[Pixels]]) -> Pixels:
    """Rows of pictures, each with its name in a margin."""
    lines, width = [], 12 + 9 * max(map(len, rows))
    for word, pictures in rows.items():
        row = np.concatenate([np.pad(p, ((1, 1), (1, 1), (0, 0))) for p in pictures], axis=1)
        margin = np.full((row.shape[0], width, 3), 255, np.uint8)
        cv2.putText(
            margin, word, (4, row.shape[0] // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA
        )
        lines.append(np.concatenate([margin, row], axis=1))
    return np.concatenate(lines)


def write_picture(path: Path, picture: Pixels) -> None:
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise SystemExit(f"bench: cannot write {path}")


def run(inputs: Inputs, *, count: int, width: int, folder: Path, cache: Path | None) -> bool:
    """Print the tables; true if every limit is kept."""
    pairs = measure(inputs, count=count, width=width, folder=folder, cache=cache)
    kept = limits(pairs)
    text = f"{table(pairs)}\n\n{verdict(kept)}\n"
    (folder / "steadiness.md").write_text(text)
    print(f"\n{text}\npictures and tables: {folder}")
    return all(limit.is_kept and math.isfinite(limit.value) for limit in kept)
