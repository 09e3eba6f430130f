"""``vidstyle sheet``: a contact sheet of a clip's frames in several styles."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vidstyle.cli.logs import shown
from vidstyle.cli.parser import Parser, add_noise, add_options, add_styles, given
from vidstyle.derived_names import name_beside
from vidstyle.options import PaintOptions, ReadOptions, SheetOptions
from vidstyle.outputs import check_outputs
from vidstyle.printable import printable

if TYPE_CHECKING:
    from vidstyle.options.keywords import SheetKeywords


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "sheet",
        help="styles and moments of a clip in one picture, to choose from",
        description="Paints a few moments of a clip in several styles, side by side in one picture.",
        epilog="example: vidstyle sheet clip.mp4 --style waves --style painting.jpg -o sheet.png",
    )
    parser.add_argument("input", metavar="INPUT", help="a clip, or a folder or pattern of pictures")
    add_styles(parser)
    parser.add_argument("-o", "--output", metavar="OUT", help="the picture (default: <clip>_sheet.png)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    add_noise(parser)
    add_options(parser, "sheet", SheetOptions)
    add_options(parser, "painting", PaintOptions, leave_out=("style_track", "style_weights", "mask"))
    add_options(parser, "reading", ReadOptions, leave_out=("frames",))
    parser.set_defaults(run=_run, parser=parser)


def _run(words: argparse.Namespace) -> int:
    with shown(words):
        from vidstyle.pipeline.contact_sheet import make_sheet

        source, output = Path(words.input), words.output
        target = name_beside(source, "sheet", ".png") if output is None else Path(output)
        paint = given(words, PaintOptions)
        check_outputs([("the sheet", target)], [source, *words.style, paint.get("weights")])
        options = cast("SheetKeywords", given(words, SheetOptions, PaintOptions, ReadOptions))
        make_sheet(words.input, target, style=words.style, overwrite=words.overwrite, **options)
        if not words.quiet:
            print(printable(str(target)), flush=True)
    return 0
