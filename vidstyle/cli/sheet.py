"""``vidstyle sheet``: a contact sheet of a clip's frames in several styles."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vidstyle.cli.logs import log_to_stderr
from vidstyle.cli.parser import Commands, add_options, add_styles, add_verbosity, select_options
from vidstyle.derived_names import name_beside
from vidstyle.options import PaintOptions, ReadOptions, SheetOptions
from vidstyle.outputs import check_outputs
from vidstyle.printable import printable

if TYPE_CHECKING:
    from vidstyle.options.keywords import SheetKeywords


def add(commands: Commands) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "sheet",
        help="styles and moments of a clip in one picture, to choose from",
        description="Paints a few moments of a clip in several styles, side by side in one picture.",
        epilog="example: vidstyle sheet clip.mp4 --style waves --style painting.jpg -o sheet.png",
    )
    parser.add_argument("input", metavar="INPUT", help="a clip, or a folder or pattern of pictures")
    add_styles(parser)
    parser.add_argument("-o", "--output", metavar="OUT", help="the picture (default: <clip>_sheet.png)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    add_verbosity(parser)
    add_options(parser, "sheet", SheetOptions)
    add_options(parser, "painting", PaintOptions, leave_out=("style_track", "style_weights", "mask"))
    add_options(parser, "reading", ReadOptions, leave_out=("frames",))
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    with log_to_stderr(arguments):
        from vidstyle.pipeline.contact_sheet import make_sheet

        source, output = Path(arguments.input), arguments.output
        target = name_beside(source, "sheet", ".png") if output is None else Path(output)
        paint = select_options(arguments, PaintOptions)
        check_outputs([("the sheet", target)], [source, *arguments.style, paint.get("weights")])
        options = cast("SheetKeywords", select_options(arguments, SheetOptions, PaintOptions, ReadOptions))
        make_sheet(arguments.input, target, style=arguments.style, overwrite=arguments.overwrite, **options)
        if not arguments.quiet:
            print(printable(str(target)), flush=True)
    return 0
