"""Varies the settings of the paint map one at a time, and measures the effect over clips and styles.

python benchmarks/sweep.py [CLIP ...] [--clips DIR] [--styles DIR] [--vary NAME=VALUE ...]
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_inputs import add_arguments, chosen, frames
from benchmark_quality import SETTINGS, score

if TYPE_CHECKING:
    from vidstyle.frames import Pixels

VARIED = (
    "stability=0.75", "stability=0.5", "stability=0.25", "structure=9,structure_ground=9", "structure=0.1",
    "structure=0.2", "structure_ground=0.1", "structure_ground=0.2", "structure=0.15,structure_ground=0.3",
    "structure_changed=99", "ghost=9", "fade=0", "fade=0.8", "fade=0.93", "fade_unrest=0", "fade_unrest=4",
    "missed=9", "fade_structure=0.4", "fade_structure=9", "match=0", "match=0.4", "match=1", "content=0.03",
    "texture=0.2", "stretch=1.6", "lost_texture=0", "tear=2.5", "refine=0",
)  # fmt: skip
"""Settings to change, separated by commas; beside the map's own, ``flow_size`` and ``stability``."""
_HEAD = (
    "setting",
    "error lower by",
    "worst",
    "over blend's, worst",
    "sharpness",
    "worst",
    "structure moving",
    "worst",
    "ground",
    "ghosts %",
    "style",
    "repainted %",
)
_RATE = Fraction(25)


def main() -> int:
    arguments = _parser().parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does, before torch is imported
    from vidstyle.flow.cache import FlowCache
    from vidstyle.flow.raft import RaftSmall
    from vidstyle.metrics.motion import ScoringFlow
    from vidstyle.styles.pictures import bundled_styles

    inputs = chosen(arguments, list(bundled_styles()))
    flow = ScoringFlow(RaftSmall(), name="raft-small", size=None, cache=FlowCache(arguments.cache))
    variants = ["default", *(arguments.vary or VARIED)]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in variants}
    for clip in inputs.clips:
        shots = frames(clip, width=arguments.width, count=arguments.frames)
        for style in inputs.styles:
            baseline = list(SETTINGS["none"](shots, style))
            blend = _measured(shots, SETTINGS["blend"](shots, style), baseline, style, flow)
            plain = _measured(shots, baseline, baseline, style, flow)
            for name in variants:
                shares: list[float] = []
                values = _measured(shots, _swept(shots, style, name, shares), baseline, style, flow)
                results[name].append(
                    {
                        "lower": plain["warping_error"] / values["warping_error"],
                        "blend": values["warping_error"] / blend["warping_error"],
                        "sharpness": values["sharpness"],
                        "moving": values["structure_moving_kept"],
                        "ground": values["structure_ground_kept"],
                        "ghosts": values["ghosts"],
                        "style": values["style_distance"] / plain["style_distance"],
                        "share": statistics.mean(shares[1:]),
                    }
                )
                print(f"{clip.stem}, {Path(style).stem}, {name}: {results[name][-1]}", flush=True)
    text = table(results)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "sweep.md").write_text(text + "\n")
    plot(results, arguments.output / "frontier.png")
    print(f"\n{text}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sweep", description=(__doc__ or "").splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--vary", action="append", metavar="NAME=VALUE", help="only these; may be repeated")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where motion is kept between runs")
    parser.add_argument("--output", type=Path, default=Path("bench-results/sweep"), metavar="DIR")
    return parser


def _measured(
    shots: Sequence[Pixels], results: Any, baseline: Sequence[Pixels], style: str, flow: Any
) -> dict[str, float]:
    values = score(shots, list(results), baseline, style, flow)
    return {name: math.nan if value is None else value for name, value in values.items()}


def _swept(shots: Sequence[Pixels], style: str, variant: str, shares: list[float]) -> Iterator[Pixels]:
    """``shots`` painted and steadied with one setting changed; ``shares`` takes what was painted anew."""
    from vidstyle.frames import Frame
    from vidstyle.options import SteadyOptions
    from vidstyle.pipeline.stylizer import Stylizer
    from vidstyle.rendering.clip_painter import ClipPainter
    from vidstyle.temporal.base import ClipFrame
    from vidstyle.temporal.loop import steadied
    from vidstyle.temporal.paint_map.paint_map import PaintMap
    from vidstyle.temporal.paint_map.settings import DEFAULTS

    others: dict[str, float] = {"flow_size": 0, "stability": 1.0}
    settings, kinds = (
        DEFAULTS,
        {field.name: type(getattr(DEFAULTS, field.name)) for field in fields(DEFAULTS)},
    )
    for change in variant.split(",") if variant != "default" else ():
        name, _, value = change.partition("=")
        if name in others:
            others[name] = float(value)
        elif name in kinds:
            settings = replace(settings, **{name: kinds[name](value)})
        else:
            raise SystemExit(f"sweep: no setting {name!r}; there are {', '.join([*others, *kinds])}")

    options = SteadyOptions(
        temporal=partial(PaintMap, settings=settings),
        flow_size=int(others["flow_size"]) or None,
        stability=others["stability"],
    )
    stylizer: Any = Stylizer(style)
    painter = ClipPainter(stylizer._painter, stylizer._styles, 1.0)
    clip = (Frame(pixels, index / _RATE, 1 / _RATE) for index, pixels in enumerate(shots))
    for result in steadied(map(ClipFrame, clip), painter, options=options):
        shares.append(result.repainted)
        yield result.pixels


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """A Markdown table: geometric mean and worst of the error's ratio, means of the rest."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    for name, pairs in results.items():
        lower, sharp = [pair["lower"] for pair in pairs], [pair["sharpness"] for pair in pairs]
        moving = [pair["moving"] for pair in pairs if not math.isnan(pair["moving"])] or [math.nan]
        cells = [
            name.replace("=", " "),
            f"{statistics.geometric_mean(lower):.2f}",
            f"{min(lower):.2f}",
            f"{max(pair['blend'] for pair in pairs):.2f}",
            f"{statistics.mean(sharp):.3f}",
            f"{min(sharp):.3f}",
            f"{statistics.mean(moving):.3f}",
            f"{min(moving):.3f}",
            f"{statistics.mean(pair['ground'] for pair in pairs):.3f}",
            f"{statistics.mean(pair['ghosts'] for pair in pairs):.2f}",
            f"{statistics.mean(pair['style'] for pair in pairs):.3f}",
            f"{100 * statistics.mean(pair['share'] for pair in pairs):.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(results: dict[str, list[dict[str, float]]], target: Path) -> None:
    """Error over structure kept on moving things, a point a variant: what lies lower right is better."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 6), layout="constrained")
    for name, pairs in results.items():
        x = statistics.mean(pair["moving"] for pair in pairs)
        y = statistics.geometric_mean(1 / pair["lower"] for pair in pairs)
        color = "tab:red" if name == "default" else "tab:green" if "stability" in name else "tab:blue"
        axes.plot(x, y, "o", color=color)
        axes.annotate(name, (x, y), (4, 4), textcoords="offset points", fontsize=7, color=color)
    axes.set_xlabel("structure kept on moving things, relative to the per-frame baseline")
    axes.set_ylabel("warping error, relative to the per-frame baseline")
    axes.grid(alpha=0.3)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
