"""``vidstyle steady``: makes frames that were painted elsewhere agree."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vidstyle.cli.logs import log_to_stderr, print_message
from vidstyle.cli.parser import Commands, add_options, add_verbosity, select_options
from vidstyle.options import DetailOptions, ReadOptions, SteadyOptions, WriteOptions
from vidstyle.video.writing.pipe_output import is_stream

if TYPE_CHECKING:
    from vidstyle.options.keywords import SteadyFileKeywords

_EXAMPLES = """\
examples:
  vidstyle steady clip.mp4 painted-by-another-tool.mp4 -o steady.mp4
  vidstyle steady clip.mp4 painted-frames/ -o steady.mp4
"""


def add(commands: Commands) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "steady",
        help="take the flicker out of a clip that was painted elsewhere, frame by frame",
        description="Makes the frames of a painted clip agree, by the motion of the clip behind it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", metavar="CLIP", help="the clip as it was before it was painted")
    parser.add_argument(
        "painted", metavar="PAINTED", help="the same frames, painted: a clip, a folder, a pattern"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="the result, or - for standard output (default: <painted>_steady)",
    )
    add_verbosity(parser)
    add_options(parser, "painting", DetailOptions)
    add_options(parser, "steadiness", SteadyOptions)
    add_options(parser, "reading", ReadOptions)
    add_options(parser, "writing", WriteOptions)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    with log_to_stderr(arguments):
        from vidstyle.api import steady
        from vidstyle.cli.progress import bar, summary

        options = cast(
            "SteadyFileKeywords",
            select_options(arguments, DetailOptions, SteadyOptions, ReadOptions, WriteOptions),
        )
        target = Path(arguments.output) if arguments.output is not None else None
        with bar(Path(arguments.painted).name, hidden=arguments.quiet) as draw:
            report = steady(arguments.clip, arguments.painted, target, on_frame=draw, **options)
        print_message(summary(report), arguments, is_piped=is_stream(report.target))
    return 0
