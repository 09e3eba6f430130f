"""``vidstyle propagate``: carries frames that were painted by hand, or by another tool, through a clip."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vidstyle.cli.logs import log_to_stderr, print_message
from vidstyle.cli.parser import Commands, add_options, add_verbosity, select_options
from vidstyle.options import CompositingOptions, ReadOptions, WriteOptions
from vidstyle.video.writing.pipe_output import is_stream

if TYPE_CHECKING:
    from vidstyle.options.keywords import PropagateKeywords

_EXAMPLES = """\
examples:
  vidstyle propagate clip.mp4 --keyframe 0=painted-first.png -o painted.mp4
  vidstyle propagate clip.mp4 --keyframe 0=first.png --keyframe 0:01.5=later.png -o painted.mp4
  vidstyle propagate clip.mp4 --keyframe '#36=frame-36.png' -o painted.mp4
"""


def add(commands: Commands) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "propagate",
        help="carry frames that you painted, in any program, through a clip",
        description="Carries painted frames through the shots of a clip, along its motion. What a painted "
        "frame does not show is painted like what looks most similar in it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", metavar="CLIP", help="the clip from which frames were painted")
    parser.add_argument(
        "--keyframe",
        action="append",
        default=[],
        metavar="TIME=PICTURE",
        help="a painted frame and its time (seconds, h:m:s), or its number from 0 ('#36=painted.png'); "
        "may be repeated",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="the result, or - for standard output (default: <clip>_propagated)",
    )
    add_verbosity(parser)
    add_options(parser, "painting", CompositingOptions)
    add_options(parser, "reading", ReadOptions)
    add_options(parser, "writing", WriteOptions)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    with log_to_stderr(arguments):
        from vidstyle.api import propagate
        from vidstyle.cli.progress import bar, summary

        options = cast(
            "PropagateKeywords", select_options(arguments, CompositingOptions, ReadOptions, WriteOptions)
        )
        target = Path(arguments.output) if arguments.output is not None else None
        with bar(Path(arguments.clip).name, hidden=arguments.quiet) as draw:
            report = propagate(arguments.clip, arguments.keyframe, target, on_frame=draw, **options)
        print_message(summary(report), arguments, is_piped=is_stream(report.target))
    return 0
