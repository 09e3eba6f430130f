"""Adapted weights beside plain ones and gatys: distances to a learnt and a held-out picture, and a sheet."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from compare_weights import square
from judges import Network, judge
from PIL import Image
from quality_tables import table
from style_retrieval import gram_distance, structure_kept

from vidstyle.adaptation.adapt import adapt
from vidstyle.adaptation.style_pictures import style_files
from vidstyle.frames import Pixels
from vidstyle.metrics.base import Sample, Setup
from vidstyle.metrics.style_distance import StyleDistance
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.tensors import to_tensor
from vidstyle.video.stills import load_style

_SIDE = 384  # px, of the contents
_CELL = 240  # px, of the sheet
_QUALITY = 88  # of the sheet's JPEG
_GATYS = "`gatys`"

Scores = dict[str, dict[str, list[float]]]
"""By kind of painting and by measure, a mean for each style."""


def run(
    folders: Sequence[Path],
    output: Path,
    *,
    contents: Sequence[Path],
    steps: Sequence[int],
    networks: Sequence[Path],
) -> bool:
    """Adapt to each folder, whose last picture is held out, for each number of ``steps``; paint and measure.

    Contents are painted in the first picture, which is learnt, and in the last one; by gatys in the last one
    alone. Weights that ``output`` holds from an earlier run are used again. Writes ``adapt.md`` and, for the
    last pictures, ``adapt.jpg``.
    """
    output.mkdir(parents=True, exist_ok=True)
    judges = {path.stem: judge(path) for path in networks}
    pictures = [square(load_style(path), _SIDE) for path in contents]
    scores: Scores = {}
    rows: list[list[Pixels]] = []
    for folder in folders:
        files = style_files([folder])
        for place, file in (("learnt", files[0]), ("held out", files[-1])):
            picture = load_style(file)
            row = [picture, pictures[0]]
            for name, options in _kinds(folder, output, steps).items():
                if name == _GATYS and place == "learnt":
                    continue
                painter = Stylizer(str(file), temporal="none", **options)  # type: ignore[arg-type]
                painted = [painter.image(content) for content in pictures]
                found = _measured(pictures, painted, picture, judges)
                for measure, value in found.items():
                    scores.setdefault(name, {}).setdefault(f"{measure}, {place}", []).append(value)
                values = (f"{value:.3f}" for value in found.values())
                print(folder.name, place, name, *values, file=sys.stderr, flush=True)
                row.append(painted[0])
        rows.append(row)
    _write_sheet(output / "adapt.jpg", rows)
    text = _table([folder.name for folder in folders], scores)
    (output / "adapt.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return True


def _kinds(folder: Path, output: Path, steps: Sequence[int]) -> dict[str, Mapping[str, object]]:
    """What paints: plain weights, those after each number of steps, and gatys, with its quick features."""
    kinds: dict[str, Mapping[str, object]] = {"plain": {}}
    for count in steps:
        file = output / f"{folder.name}-{count}.safetensors"
        if not file.is_file():
            adapted = adapt(folder, file, steps=count)
            print(f"{folder.name}: {count} steps in {adapted.seconds:.0f} s", file=sys.stderr, flush=True)
        kinds[f"{count} steps"] = {"weights": file}
    return {**kinds, _GATYS: {"engine": "gatys", "engine_option": {"features": "small"}}}


@torch.inference_mode()
def _measured(
    contents: Sequence[Pixels], painted: Sequence[Pixels], style: Pixels, judges: Mapping[str, Network]
) -> dict[str, float]:
    metric = StyleDistance(Setup(style=to_tensor(style)))
    for content, result in zip(contents, painted, strict=True):
        metric.add(Sample(to_tensor(content), to_tensor(result)), {}, {})
    return {
        "style distance, VGG-16": float(metric.result() or 0.0),
        **{
            f"Gram distance, {name}": fmean(gram_distance(network, result, style) for result in painted)
            for name, network in judges.items()
        },
        "structure": fmean(map(structure_kept, contents, painted)),
    }


def _table(styles: Sequence[str], scores: Scores) -> str:
    measures = sorted(next(iter(scores.values())), key=lambda name: not name.endswith("learnt"))
    lines = [["measure", "painted by", *styles, "mean"]]
    lines.append(["---"] * len(lines[0]))
    for measure in measures:
        for name, known in scores.items():
            values = known.get(measure, [])
            if values:
                lines.append([measure, name, *(f"{value:.3f}" for value in values), f"{fmean(values):.3f}"])
    return table(lines)


def _write_sheet(path: Path, rows: Sequence[Sequence[Pixels]]) -> None:
    """A row for each style: the held-out picture, the content, and what was painted."""
    lines = [np.concatenate([square(cell, _CELL) for cell in row], axis=1) for row in rows]
    Image.fromarray(np.concatenate(lines)).save(path, quality=_QUALITY)
