"""``vidstyle image``: paints still pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vidstyle.cli.logs import error_message, log_to_stderr, write_line
from vidstyle.cli.parser import Parser, add_options, add_styles, add_verbosity, select_options, style_name
from vidstyle.derived_names import name_beside
from vidstyle.errors import OptionError, OutputError, VidstyleError
from vidstyle.options import PaintOptions
from vidstyle.outputs import check_outputs
from vidstyle.printable import printable

if TYPE_CHECKING:
    from vidstyle.options.keywords import ImageKeywords


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "image",
        help="paint still pictures",
        description="Paints still pictures, upright, with their depth and transparency, in any format.",
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="pictures")
    add_styles(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="the result, its format by its extension, or a folder (default: <picture>_<style>)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing result")
    parser.add_argument("--skip-existing", action="store_true", help="leave out inputs whose result exists")
    add_verbosity(parser)
    add_options(parser, "painting", PaintOptions, leave_out=("style_track",))
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    from vidstyle.cli.inputs import expand_pictures

    arguments.inputs = expand_pictures(arguments.inputs)
    if arguments.skip_existing and arguments.overwrite:
        arguments.parser.error(
            "--skip-existing keeps results, --overwrite replaces them; give one of the two"
        )
    targets = _targets(arguments)
    inputs = [
        *arguments.inputs,
        *arguments.style,
        *(select_options(arguments, PaintOptions).get(name) for name in ("mask", "weights")),
    ]
    check_outputs([("the result", target) for target in targets], inputs)
    with log_to_stderr(arguments):
        from vidstyle.api import Stylizer
        from vidstyle.device import own_process

        own_process()
        stylizer = Stylizer(arguments.style, **cast("ImageKeywords", select_options(arguments, PaintOptions)))
        failed = 0
        for source, target in zip(arguments.inputs, targets, strict=True):
            if arguments.skip_existing and target.exists():
                if not arguments.quiet:
                    print(f"{printable(str(target))}: exists already, skipped", flush=True)
                continue
            try:
                stylizer.image(source, target, overwrite=arguments.overwrite)
            except VidstyleError as error:
                if len(arguments.inputs) == 1:
                    raise
                failed += 1
                write_line(f"vidstyle: {error_message(source, error)}")
                continue
            if not arguments.quiet:
                print(printable(str(target)), flush=True)
    return 1 if failed else 0


def _targets(arguments: argparse.Namespace) -> list[Path]:
    sources = [Path(source) for source in arguments.inputs]
    defaults = [name_beside(source, style_name(arguments), _suffix(source)) for source in sources]
    if arguments.output is None:
        return _distinct(sources, defaults)
    output = Path(arguments.output)
    if output.is_dir():
        return _distinct(sources, [output / default.name for default in defaults])
    if len(sources) > 1:
        raise OutputError(
            f"--output {output} must be an existing folder for the results of {len(sources)} pictures"
        )
    return [output]


def _suffix(source: Path) -> str:
    """The source's extension, or ``.png`` where that format cannot be written."""
    from vidstyle.file_suffixes import WRITABLE_PICTURES

    return source.suffix if source.suffix.lower() in WRITABLE_PICTURES else ".png"


def _distinct(sources: list[Path], targets: list[Path]) -> list[Path]:
    """``targets``; raises ``OptionError`` if two are the same."""
    for source, target in zip(sources, targets, strict=True):
        if targets.count(target) > 1:
            raise OptionError(
                f"{source} and another input would both be written to {target}; run them one by one"
            )
    return targets
