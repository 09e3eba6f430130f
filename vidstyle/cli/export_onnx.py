"""``vidstyle export-onnx``: writes an engine's network as an ONNX file, for other programs."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from vidstyle.cli.logs import log_to_stderr
from vidstyle.cli.parser import Parser, add_options, add_verbosity, select_options
from vidstyle.errors import OptionError, OutputError
from vidstyle.options import PaintOptions
from vidstyle.outputs import check_file_output, check_outputs
from vidstyle.printable import printable
from vidstyle.registry import name_of_part

_OF_ENGINES = ("engine", "weights", "engine_options")


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "export-onnx",
        help="write an engine's network as an ONNX file",
        description="Writes what an engine computes for given statistics, at any size, for ONNX Runtime, "
        "OpenVINO and other programs. docs/speed.md says what its inputs are.",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the file, ending in .onnx")
    parser.add_argument(
        "--precision",
        choices=("fp32", "fp16"),
        default="fp32",
        help="number format of the network (default: fp32)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_verbosity(parser)
    others = {item.name for item in dataclasses.fields(PaintOptions)} - set(_OF_ENGINES)
    add_options(parser, "network", PaintOptions, leave_out=tuple(others))
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    target = Path(arguments.output)
    given = select_options(arguments, PaintOptions)
    paint = PaintOptions(**{name: given[name] for name in _OF_ENGINES if name in given})
    if target.suffix != ".onnx":
        raise OptionError(f"networks are written as .onnx, not as {target.name!r}")
    check_outputs([("--output", target)], [paint.weights])
    check_file_output(("--output", target), overwrite=arguments.overwrite)
    with log_to_stderr(arguments):
        from vidstyle.atomic_write import write_atomically
        from vidstyle.engines.base import chosen_engine, load_engine
        from vidstyle.runtimes.onnx_export import onnx_model
        from vidstyle.weights import sha256

        chosen = chosen_engine(paint.engine, paint.weights, paint.quality_engine)
        engine = load_engine(chosen, paint.weights, dict(paint.engine_options))
        model = onnx_model(engine, precision=arguments.precision)
        try:
            write_atomically(target, model)
        except OSError as error:
            raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    if not arguments.quiet:
        summary = f"{name_of_part(chosen)} in {arguments.precision}, {len(model) / 1e6:.1f} MB"
        name = printable(str(target))
        print(f"{name}: {summary}\nSHA-256 of the file: {sha256(target)}", flush=True)
    return 0
