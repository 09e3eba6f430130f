"""``vidstyle status``: how far films are that are painted in segments."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.cli.logs import log_to_stderr
from vidstyle.cli.parser import Commands, add_verbosity
from vidstyle.errors import InputError
from vidstyle.printable import printable

if TYPE_CHECKING:
    from vidstyle.segments.status import FilmStatus

_EXAMPLES = """\
examples:
  vidstyle status .
  vidstyle status /scratch/work -v
"""


def add(commands: Commands) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "status",
        help="say how far films are that are painted in segments",
        description="Says how far films are whose work is kept in a folder, and whether a run paints them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        help="where results are written (or --work-dir), or the work folder of one film: .NAME.vidstyle",
    )
    add_verbosity(parser)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    from vidstyle.segments.status import films_in

    folder = Path(arguments.folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the one in which results are written")
    with log_to_stderr(arguments):
        films = films_in(folder)
    if not films:
        print(f"{printable(str(folder))}: no film is being painted in segments here")
    for film in films:
        print(_line(film))
        for line in film.lines if arguments.verbose else ():
            print(f"  {line}")
    return 0


def _line(film: FilmStatus) -> str:
    """``film_waves.mp4: 12 of 120 segments, 14:03 of 2:00:00 (12 %), 1.2 GB, being painted; in …``."""
    from vidstyle.cli.progress import clock

    target = film.target.relative_to(Path.cwd()) if film.target.is_relative_to(Path.cwd()) else film.target
    name, place = printable(str(target)), printable(str(film.folder))
    if film.segments == 0:
        state = "is being planned" if film.is_running else "has no plan: run it again"
        return f"{name}: {state}; in {place}"
    state = "whole" if film.is_whole else "stopped: the same command goes on"
    share = f"{float(film.time / film.duration):.0%}"
    parts = [
        f"{film.done} of {film.segments} segments",
        f"{clock(float(film.time))} of {clock(float(film.duration))} ({share})",
        _size(film.size),
        "being painted" if film.is_running else state,
    ]
    return f"{name}: {', '.join(parts)}; in {place}"


def _size(count: int) -> str:
    """``1.2 GB`` of a number of bytes."""
    size, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.3g} {units[0]}"
