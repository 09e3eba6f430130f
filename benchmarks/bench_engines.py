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
from judges import Network, judge
from quality_tables import table
from style_retrieval import gram_distance, structure_kept

from vidstyle.engines.base import load_engine
from vidstyle.errors import WeightsMissing
from vidstyle.evaluation.evaluator import evaluate
from vidstyle.flow.raft import RaftSmall
from vidstyle.frames import Pixels
from vidstyle.registry import ENGINES
from vidstyle.styles.pictures import load
from vidstyle.video.reading.reader import Reader

STYLES = ("waves", "mosaic", "ink", "lanterns")
OPTIONS: Mapping[str, Sequence[str]] = {"gatys": ("--engine-option", "features=small")}
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
    grams: list[tuple[float, ...]] = field(default_factory=list)
    """Gram distances, one by each of the networks that judge."""
    structure: list[float] = field(default_factory=list)


def run(clip: Path, output: Path, *, count: int, networks: Sequence[Path], engines: Sequence[str]) -> bool:
    """Measure ``engines`` (all that have weights) on ``count`` frames; writes ``engines.md``."""
    names = list(engines) or [name for name in ENGINES.bundled if _has_weights(name)]
    judges = {path.stem: judge(path) for path in networks}
    sums = {name: _Sums() for name in dict.fromkeys([_FIRST, *names])}
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        start = _painted(clip, Path(folder) / "start.mkv", STYLES[0], _FIRST, 1)
        for style in STYLES:
            for name, known in sums.items():
                result = Path(folder) / f"{name}.mkv"
                known.seconds.append(_painted(clip, result, style, name, count) - start)
                _measure(clip, result, style, count, list(judges.values()), known)
                _log(name, style, known)
    output.mkdir(parents=True, exist_ok=True)
    text = _table(sums, list(judges))
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


def _measure(
    clip: Path, result: Path, style: str, count: int, judges: Sequence[Network], known: _Sums
) -> None:
    metrics = ("warping_error", "style_distance")
    # one estimator for all: engines steadied by the one that measures would look steadier
    found = evaluate(result, source=clip, style=style, metrics=metrics, flow=RaftSmall(), frames=count)
    known.warping.append(float(found.value("warping_error") or 0.0))
    known.style.append(float(found.value("style_distance") or 0.0))
    pairs = list(zip(_frames(clip, count), _frames(result, count), strict=True))[::_EVERY]
    known.structure.append(fmean(structure_kept(source, painted) for source, painted in pairs))
    aim = load(style)
    grams = (fmean(gram_distance(network, painted, aim) for _, painted in pairs) for network in judges)
    known.grams.append(tuple(grams))


def _frames(clip: Path, count: int) -> list[Pixels]:
    with Reader(clip) as reader:
        return [frame.pixels for _, frame in zip(range(count), reader, strict=False)]


def _log(name: str, style: str, known: _Sums) -> None:
    lists = (known.seconds, known.warping, known.style, known.structure)
    values = (*(values[-1] for values in lists), *known.grams[-1])
    print(name, style, *(f"{value:.5f}" for value in values), file=sys.stderr, flush=True)


def _table(sums: Mapping[str, _Sums], judges: Sequence[str]) -> str:
    first = sums[_FIRST]
    head = [
        "engine",
        "CPU time",
        "warping error",
        "style distance, VGG-16",
        *(f"Gram distance, {name}" for name in judges),
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
                *(f"{fmean(distances):.3f}" for distances in zip(*known.grams, strict=True)),
                f"{fmean(known.structure):.3f}",
            ]
        )
    return table(lines)


def _ratio(values: Sequence[float], first: Sequence[float]) -> float:
    return fmean(values) / fmean(first)
