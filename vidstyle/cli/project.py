"""``--project`` and ``--save-project``: all that was set for a run, from a file and into one."""

from __future__ import annotations

import argparse
from pathlib import Path

from vidstyle.cli.parser import Parser, select_options
from vidstyle.options import PaintOptions, ReadOptions, SegmentOptions, SteadyOptions, WriteOptions
from vidstyle.project import Project, load_project, save_project

_NOT_KEPT = ("overwrite", "resume", "restart")  # these are of one run


def add_project(parser: Parser) -> None:
    """Add both options."""
    parser.add_argument(
        "--project", metavar="FILE", help="take from this file what is not given here: clip, styles, options"
    )
    parser.add_argument(
        "--save-project",
        metavar="FILE",
        help="write clip, styles and options to this file for --project",
    )


def apply_project(arguments: argparse.Namespace) -> None:
    """Complete ``arguments`` from the project, if one is given; exits with a usage error without an input."""
    if arguments.project is not None:
        project = load_project(arguments.project)
        has_style = bool(arguments.style) or "style_track" in arguments
        arguments.inputs = arguments.inputs or [str(project.clip)]
        if arguments.output is None and project.output is not None:
            arguments.output = str(project.output)
        arguments.style = list(arguments.style if has_style else project.styles)
        for name, value in project.options.items():
            is_of_styles = name in ("style_track", "style_weights")
            if name not in arguments and not (has_style and is_of_styles):
                setattr(arguments, name, value)
    if not arguments.inputs:
        arguments.parser.error("an INPUT is needed: a clip, a folder of clips, or --project FILE")
    if arguments.save_project is not None and len(arguments.inputs) > 1:
        arguments.parser.error("--save-project keeps a run of one clip; give one INPUT")


def keep_project(arguments: argparse.Namespace) -> None:
    """Write the project that ``--save-project`` asks for."""
    if arguments.save_project is None:
        return
    records = PaintOptions, SteadyOptions, ReadOptions, WriteOptions, SegmentOptions
    given = select_options(arguments, *records)
    options = {name: value for name, value in given.items() if name not in _NOT_KEPT}
    output = None if arguments.output is None else Path(arguments.output)
    project = Project(Path(arguments.inputs[0]), tuple(arguments.style), options, output)
    save_project(arguments.save_project, project, overwrite="overwrite" in arguments)
