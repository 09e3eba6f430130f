"""``vidstyle export``: writes a run's weights as the file that ``--weights`` takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vidstyle.cli.logs import log_to_stderr
from vidstyle.cli.parser import Parser, add_verbosity
from vidstyle.printable import printable


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "export",
        help="write the weights of a training run as a file for --weights",
        description="Writes the averaged weights of a run's last good checkpoint as safetensors, with a "
        "record of recipe, steps, data, licence and SHA-256.",
    )
    parser.add_argument("training", metavar="RUN", help="the folder that `vidstyle train --output` wrote")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the file, ending in .safetensors"
    )
    parser.add_argument(
        "--licence", metavar="TEXT", help="the weights' licence (default: the run's setting licence)"
    )
    parser.add_argument("--mix", metavar="FILE", help="mix with the weights that the run began from")
    parser.add_argument("--share", type=float, metavar="S", help="share of those weights (default: 0.25)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_verbosity(parser)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    with log_to_stderr(arguments):
        from vidstyle.training.weights_export import export
        from vidstyle.weights import sha256

        record = export(
            arguments.training,
            arguments.output,
            licence=arguments.licence,
            mix=arguments.mix,
            share=arguments.share,
            overwrite=arguments.overwrite,
        )
    if not arguments.quiet:
        summary = f"{record['recipe']}, {int(record['steps']):,} steps, licence: {record['licence']}"
        name = printable(arguments.output)
        print(f"{name}: {summary}\nSHA-256 of the file: {sha256(Path(arguments.output))}", flush=True)
    return 0
