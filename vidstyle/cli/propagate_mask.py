"""``vidstyle propagate-mask``: carries masks that were brushed on some frames through a clip."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vidstyle.cli.logs import log_to_stderr, print_message
from vidstyle.cli.parser import Commands, add_options, add_verbosity, select_options
from vidstyle.options import MaskOptions, ReadOptions
from vidstyle.video.writing.pipe_output import is_stream

if TYPE_CHECKING:
    from vidstyle.options.keywords import MaskKeywords

_EXAMPLES = """\
examples:
  vidstyle propagate-mask clip.mp4 --mask 0=face.png -o face.mkv
  vidstyle propagate-mask clip.mp4 --mask 0=face.png --mask '#48=face-later.png' -o face.mkv
  vidstyle run clip.mp4 --style waves --mask face.mkv
"""


def add(commands: Commands) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "propagate-mask",
        help="carry masks that you drew of some frames through a clip",
        description="Carries masks through the shots of a clip, along its motion, and lays their edges along "
        "the outlines of the frames. The result is a mask clip for --mask.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", metavar="CLIP", help="the clip whose frames were masked")
    parser.add_argument(
        "--mask",
        action="append",
        default=[],
        metavar="TIME=MASK",
        help="the mask of a frame (white is painted, black is kept) and its time (seconds, h:m:s), or its "
        "number from 0 ('#36=mask.png'); may be repeated",
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="the mask clip (default: <clip>_mask.mkv)")
    add_verbosity(parser)
    add_options(parser, "carrying", MaskOptions)
    add_options(parser, "reading", ReadOptions)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    with log_to_stderr(arguments):
        from vidstyle.api import propagate_mask
        from vidstyle.cli.progress import bar, summary

        options = cast("MaskKeywords", select_options(arguments, MaskOptions, ReadOptions))
        target = Path(arguments.output) if arguments.output is not None else None
        with bar(Path(arguments.clip).name, hidden=arguments.quiet) as draw:
            report = propagate_mask(arguments.clip, arguments.mask, target, on_frame=draw, **options)
        print_message(summary(report), arguments, is_piped=is_stream(report.target))
    return 0
