"""``vidstyle train``: trains weights from folders of pictures, and resumes stopped runs."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstyle.cli.logs import log_to_stderr
from vidstyle.cli.parser import Parser, add_verbosity
from vidstyle.registry import RECIPES

if TYPE_CHECKING:
    from vidstyle.training.training_progress import OnStep, Trained, TrainingProgress

_EXAMPLES = """\
examples:
  vidstyle train stylenet --content photos/ --style paintings/ --output run/
  vidstyle train stylenet --content photos/ --style paintings/ --output run/ --set preset=quick
  vidstyle train stylenet --content photos/ --style paintings/ --output run/ --resume --steps 20000
  vidstyle export run/ --output mine.safetensors
"""


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "train",
        help="train weights from folders of pictures",
        description="Trains the network from folders of pictures; `vidstyle list recipes` names the recipes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", metavar="RECIPE", help=", ".join(RECIPES))
    parser.add_argument(
        "--content", required=True, metavar="DIR", help="a folder of photographs, or of shards (.tar)"
    )
    parser.add_argument(
        "--style", required=True, metavar="DIR", help="a folder of style pictures, or of shards (.tar)"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="the run: checkpoints, sheets, curves"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="steps in all (default: the recipe's epochs)")
    parser.add_argument("--resume", action="store_true", help="go on from the run's last good checkpoint")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings from a TOML or JSON file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting, like batch=4, losses.style=0.5 or preset=seed; may be given several times",
    )
    add_verbosity(parser)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    with log_to_stderr(arguments):
        from vidstyle.device import keep_memory
        from vidstyle.training.checkpoints import newest
        from vidstyle.training.config import settings
        from vidstyle.training.trainer import train

        keep_memory()
        before = newest(Path(arguments.output))["options"] if arguments.resume else None
        options = settings(
            arguments.recipe, before=before, file=arguments.config, pairs=arguments.set, steps=arguments.steps
        )
        with _bar(arguments.quiet) as draw:
            trained = train(
                arguments.recipe,
                arguments.content,
                arguments.style,
                arguments.output,
                options,
                resume=arguments.resume,
                on_step=draw,
            )
    # in distributed training only the first process prints
    if not arguments.quiet and os.environ.get("LOCAL_RANK", "0") == "0":
        print(_summary(trained), flush=True)
    return 0


def _summary(trained: Trained) -> str:
    """``run: step 500, total 0.512 in 01:30``."""
    from vidstyle.cli.progress import clock

    parts = [f"step {trained.step:,}"]
    if trained.losses:
        parts.append(f"total {trained.losses['total']:.4g} in {clock(trained.seconds)}")
    if trained.skipped:
        parts.append(f"{len(trained.skipped)} unreadable files passed over")
    return f"{trained.run}: {', '.join(parts)}"


@contextlib.contextmanager
def _bar(hidden: bool) -> Generator[OnStep, None, None]:
    """A progress bar of losses, steps a second and time left on stderr, as a callback for each step."""
    from tqdm import tqdm

    from vidstyle.cli.progress import StatusLines

    lines = StatusLines(hidden or os.environ.get("LOCAL_RANK", "0") != "0")
    # disable=None: hidden where stderr is no terminal
    bar = tqdm(disable=True if hidden else None, file=sys.stderr, leave=False, dynamic_ncols=True, miniters=0)

    def draw(progress: TrainingProgress) -> None:
        lines.update(lambda: state(progress))
        bar.total = progress.steps
        bar.bar_format = "{percentage:3.0f}% |{bar}| " + state(progress)
        bar.update(progress.step - bar.n)

    try:
        yield draw
    finally:
        bar.close()


def state(progress: TrainingProgress) -> str:
    """``120/500, 3.1 steps/s, 02:03 left, total 0.51 (style 0.6, shift 0.02)``."""
    from vidstyle.cli.progress import clock

    parts = [f"{progress.step:,}/{progress.steps:,}", f"{progress.rate:.2g} steps/s"]
    if progress.left is not None:
        parts.append(f"{clock(progress.left)} left")
    each = ", ".join(f"{name} {value:.2g}" for name, value in progress.losses.items() if name != "total")
    parts.append(f"total {progress.losses['total']:.3g} ({each})")
    if progress.skipped:
        parts.append(f"{progress.skipped} unreadable")
    return ", ".join(parts)
