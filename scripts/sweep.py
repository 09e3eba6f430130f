"""The paint map's settings, varied one at a time: what each costs and gains over clips and styles.

python scripts/sweep.py [CLIP ...] [--clips DIR] [--styles DIR] [--vary NAME=VALUE ...]
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_inputs import add_arguments, chosen, frames
from benchmark_quality import SETTINGS, score

if TYPE_CHECKING:
    from vidstyle.frames import Pixels

VARIED = (
    "flow_size=180", "content=0.03", "content=0.08", "texture=0.5", "texture=2.0", "stretch=1.2",
    "stretch=1.6", "slots=8", "refine=0.0", "refine=0.3", "seam=0.75", "seam=3.0", "worn=0.0", "worn=0.85",
    "crisp=0.0", "tear=1.4", "tear=2.5", "patchwork=0.3", "fade=0.0", "fade=0.93", "match=0.0", "match=0.8",
)  # fmt: skip
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
    words = _parser().parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does, before torch is imported
    from vidstyle.engines.styles import bundled_styles
    from vidstyle.flow.cache import FlowCache
    from vidstyle.flow.raft import raft_small
    from vidstyle.metrics.motion import ScoringFlow

    inputs = chosen(words, list(bundled_styles()))
    flow = ScoringFlow(raft_small(), name="raft-small", size=None, cache=FlowCache(words.cache))
    variants = ["default", *(words.vary or VARIED)]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in variants}
    for clip in inputs.clips:
        shots = frames(clip, width=words.width, count=words.frames)
        for style in inputs.styles:
            alone = list(SETTINGS["none"](shots, style))
            blend = _measured(shots, SETTINGS["blend"](shots, style), alone, style, flow)
            plain = _measured(shots, alone, alone, style, flow)
            for name in variants:
                shares: list[float] = []
                values = _measured(shots, _swept(shots, style, name, shares), alone, style, flow)
                found[name].append(
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
                print(f"{clip.stem}, {Path(style).stem}, {name}: {found[name][-1]}", flush=True)
    text = table(found)
    words.output.mkdir(parents=True, exist_ok=True)
    (words.output / "sweep.md").write_text(text + "\n")
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
    shots: Sequence[Pixels], results: Any, alone: Sequence[Pixels], style: str, flow: Any
) -> dict[str, float]:
    values = score(shots, list(results), alone, style, flow)
    return {name: math.nan if value is None else value for name, value in values.items()}


def _swept(shots: Sequence[Pixels], style: str, variant: str, shares: list[float]) -> Iterator[Pixels]:
    """``shots`` painted and steadied with one setting changed; ``shares`` takes what was painted anew."""
    from vidstyle.frames import Frame
    from vidstyle.painting import ClipPainter
    from vidstyle.stylizer import Stylizer
    from vidstyle.temporal.mapsettings import DEFAULTS
    from vidstyle.temporal.paintmap import PaintMap
    from vidstyle.temporal.stylizer import steadied

    settings, size = DEFAULTS, None
    if variant != "default":
        name, _, value = variant.partition("=")
        kinds = {field.name: type(getattr(DEFAULTS, field.name)) for field in fields(DEFAULTS)}
        if name == "flow_size":
            size = int(value)
        elif name in kinds:
            settings = replace(DEFAULTS, **{name: kinds[name](value)})
        else:
            raise SystemExit(f"sweep: no setting {name!r}; there are flow_size, {', '.join(kinds)}")
    stylizer: Any = Stylizer(style)
    painter = ClipPainter(stylizer._painter, stylizer._styles, 1.0)
    clip = (Frame(pixels, index / _RATE, 1 / _RATE) for index, pixels in enumerate(shots))
    for shown in steadied(clip, painter, begin=lambda: PaintMap(flow_size=size, settings=settings)):
        shares.append(shown.repainted)
        yield shown.frame.pixels


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """A Markdown table: geometric mean and worst of the error's ratio, means of the rest."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    for name, pairs in found.items():
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


if __name__ == "__main__":
    sys.exit(main())
