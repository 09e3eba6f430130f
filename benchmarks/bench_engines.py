"""Every engine on the same clip in the same styles: time, steadiness, structure and nearness to the style."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import torch
from quality_tables import table
from style_retrieval import Network, gram_distance, structure_kept, vgg19

from vidstyle.engines.base import load_engine
from vidstyle.errors import WeightsMissing
from vidstyle.evaluation.evaluator import evaluate
from vidstyle.flow.raft import RaftSmall
from vidstyle.frames import Pixels
from vidstyle.registry import ENGINES
from vidstyle.styles.pictures import load
from vidstyle.video.reading.reader import Reader

STYLES = ("waves", "mosaic", "ink", "lanterns")
OPTIONS: Mapping[str, Sequence[str]] = {"gatys": ("--engine-options", "features=small")}
"""Options of engines that take minutes otherwise."""
_FIRST = "stylenet"
_EVERY = 6  # frames: their features tell a clip's mean well enough


@dataclass(slots=True)
class _Sums:
    """What is measured of one engine, a value for each style."""

    seconds: list[float] = field(default_factory=list)
    """CPU time of the run, without the start of the program."""
    warping: list[float] = field(default_factory=list)
    style: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)
    """Gram distances by the second network; empty without one."""
    structure: list[float] = field(default_factory=list)


def run(clip: Path, output: Path, *, count: int, network: Path | None, engines: Sequence[str]) -> bool:
    """Measure ``engines`` (all that have weights) on ``count`` frames; writes ``engines.md``."""
    names = list(engines) or [name for name in ENGINES.bundled if _has_weights(name)]
    other = None if network is None else vgg19(network, "encoder")
    sums = {name: _Sums() for name in dict.fromkeys([_FIRST, *names])}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        start = _painted(clip, Path(folder) / "start.mkv", STYLES[0], _FIRST, 1)
        for style in STYLES:
            for name, known in sums.items():
                result = Path(folder) / f"{name}.mkv"
                known.seconds.append(_painted(clip, result, style, name, count) - start)
                _measure(clip, result, style, count, other, known)
                print(name, style, *(f"{values[-1]:.5f}" for values in _lists(known)), file=sys.stderr)
    output.mkdir(parents=True, exist_ok=True)
    text = _table(sums)
    (output / "engines.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return True


def _has_weights(name: str) -> bool:
    try:
        load_engine(name)
    except WeightsMissing:
        return False
    return True


def _painted(clip: Path, result: Path, style: str, name: str, count: int) -> float:
    """Paint ``clip`` by the command line; returns its CPU time (s)."""
    words = ["run", str(clip), "--style", style, "--engine", name, "--frames", str(count), "--overwrite"]
    words += [*OPTIONS.get(name, ()), "--codec", "ffv1", "-o", str(result), "--quiet"]
    before = os.times()
    subprocess.run([sys.executable, "-m", "vidstyle", *words], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _measure(clip: Path, result: Path, style: str, count: int, other: Network | None, known: _Sums) -> None:
    metrics = ("warping_error", "style_distance")
    # one estimator for all: engines steadied by the one that measures would look steadier
    found = evaluate(result, source=clip, style=style, metrics=metrics, flow=RaftSmall(), frames=count)
    known.warping.append(float(found.value("warping_error") or 0.0))
    known.style.append(float(found.value("style_distance") or 0.0))
    pairs = list(zip(_frames(clip, count), _frames(result, count), strict=True))[::_EVERY]
    known.structure.append(fmean(structure_kept(source, painted) for source, painted in pairs))
    if other is not None:
        aim = load(style)
        known.other.append(fmean(gram_distance(other, painted, aim) for _, painted in pairs))


def _frames(clip: Path, count: int) -> list[Pixels]:
    with Reader(clip) as reader:
        return [frame.pixels for _, frame in zip(range(count), reader, strict=False)]


def _lists(known: _Sums) -> list[list[float]]:
    lists = (known.seconds, known.warping, known.style, known.other, known.structure)
    return [values for values in lists if values]


def _table(sums: Mapping[str, _Sums]) -> str:
    first = sums[_FIRST]
    head = [
        "engine",
        "CPU time",
        "warping error",
        "style distance, VGG-16",
        "Gram distance, other",
        "structure",
    ]
    lines = [head, ["---"] * len(head)]
    for name, known in sums.items():
        lines.append(
            [
                f"`{name}`",
                f"{_ratio(known.seconds, first.seconds):.1f}",
                f"{_ratio(known.warping, first.warping):.2f}",
                f"{fmean(known.style):.3f}",
                f"{fmean(known.other):.3f}" if known.other else "",
                f"{fmean(known.structure):.3f}",
            ]
        )
    return table(lines)


def _ratio(values: Sequence[float], first: Sequence[float]) -> float:
    return fmean(values) / fmean(first)
