"""``vidstyle adapt``: weights for one artist or material, from one to twenty pictures."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, cast

from vidstyle.adaptation.settings import AdaptOptions
from vidstyle.cli.logs import log_to_stderr
from vidstyle.cli.parser import Parser, add_options, add_verbosity, select_options
from vidstyle.options import ReadOptions
from vidstyle.options.converters import as_seconds
from vidstyle.printable import printable

if TYPE_CHECKING:
    from vidstyle.adaptation.adapt import Adapted
    from vidstyle.adaptation.tuner import AdaptProgress, OnAdaptStep
    from vidstyle.options.keywords import AdaptKeywords

_EXAMPLES = """\
examples:
  vidstyle adapt --style a.jpg b.jpg c.jpg d.jpg e.jpg -o mine.safetensors
  vidstyle adapt --style paintings/ --content clip.mp4 --minutes 10 -o mine.safetensors
  vidstyle run clip.mp4 --style a.jpg --weights mine.safetensors
  vidstyle run clip.mp4 --style a.jpg --adapt 3m

Ctrl-C ends early: the best weights so far, and their sheet, are written.
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "adapt",
        help="tune the weights to one artist or material, from 1 to 20 pictures",
        description="Tunes the default engine, or the one of --engine, to the pictures of one artist or "
        "material, and writes weights for --weights, with a sheet of paintings before and after beside them "
        "(.jpg). Of two pictures or more the last is held out: the weights that come nearest to it and to "
        "the first are kept.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--style",
        action="extend",
        nargs="+",
        default=[],
        metavar="PICTURE",
        help="1 to 20 pictures, folders of them, or names of bundled styles",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the weights, ending in .safetensors"
    )
    parser.add_argument(
        "--content",
        action="extend",
        nargs="+",
        default=[],
        metavar="INPUT",
        help="clips, pictures, or folders of them, to paint in training (default: bundled pictures)",
    )
    add_verbosity(parser)
    add_options(parser, "adaptation", AdaptOptions)
    add_options(parser, "reading of clips", ReadOptions, leave_out=("frames", "rate"))
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.style:
        arguments.parser.error("--style is needed: 1 to 20 pictures of one artist or material")
    with log_to_stderr(arguments):
        from vidstyle.adaptation.adapt import adapt
        from vidstyle.device import keep_memory
        from vidstyle.training.stopping import Stop

        keep_memory()
        options = cast("AdaptKeywords", select_options(arguments, AdaptOptions, ReadOptions))
        with Stop() as stop, adapting(arguments.quiet) as draw:

            def go_on(progress: AdaptProgress) -> bool:
                draw(progress)
                return not stop.is_requested

            adapted = adapt(
                arguments.style, arguments.output, content=arguments.content, on_step=go_on, **options
            )
            if not arguments.quiet:
                print(summary(adapted), flush=True)
            stop.deliver()
    return 0


def summary(adapted: Adapted) -> str:
    """``mine.safetensors: 12 steps in 00:30, style distance to a.jpg and e.jpg 0.3 -> 0.2; see mine.jpg``."""
    return printable(f"{adapted.weights}: {gain(adapted)}; see {adapted.sheet}")


def gain(adapted: Adapted) -> str:
    """``120 steps in 05:00, style distance to a.jpg and e.jpg 0.371 -> 0.325``."""
    from vidstyle.cli.progress import clock

    steps = f"{adapted.steps:,} step{'s' if adapted.steps > 1 else ''} in {clock(adapted.seconds)}"
    return printable(
        f"{steps}, style distance to {adapted.measured_on} {adapted.before:.3f} -> {adapted.after:.3f}"
    )


@contextlib.contextmanager
def adapting(hidden: bool) -> Generator[OnAdaptStep, None, None]:
    """A progress bar of style distance and time left on stderr, as a callback for each step."""
    from tqdm import tqdm

    from vidstyle.cli.progress import StatusLines

    lines = StatusLines(hidden)
    # disable=None: hidden where stderr is no terminal
    bar = tqdm(
        total=1.0,
        disable=True if hidden else None,
        file=sys.stderr,
        leave=False,
        dynamic_ncols=True,
        miniters=0,
    )

    def draw(progress: AdaptProgress) -> None:
        lines.update(lambda: f"adapting: {state(progress)}")
        bar.bar_format = "adapting {percentage:3.0f}% |{bar}| " + state(progress)
        bar.update(progress.share - bar.n)

    try:
        yield draw
    finally:
        bar.close()


def state(progress: AdaptProgress) -> str:
    """``step 120, 02:03 left, style distance 0.371 -> 0.325``."""
    from vidstyle.cli.progress import clock

    left = progress.seconds * (1 / progress.share - 1) if progress.share else 0.0
    gain = f"style distance {progress.before:.3f} -> {progress.best:.3f}"
    return f"step {progress.step:,}, {clock(left)} left, {gain}"


def minutes_of(text: str) -> float:
    """Minutes from ``3m``, ``90s``, ``1h`` or h:m:s; raises ``ArgumentTypeError``."""
    expected = argparse.ArgumentTypeError(f"a time above 0, like 3m or 90s, got {text!r}")
    number = re.fullmatch(r"(\d+(?:\.\d+)?)([hms])", text.strip())
    if number is not None:
        minutes = float(number[1]) * {"h": 60.0, "m": 1.0, "s": 1 / 60}[number[2]]
    elif ":" in text:
        try:
            minutes = float(as_seconds(text)) / 60
        except ValueError:
            raise expected from None
    else:
        raise expected
    if minutes <= 0:
        raise expected
    return minutes
