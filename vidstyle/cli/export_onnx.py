"""``vidstyle export-onnx``: writes an engine's network as an ONNX file, for other programs."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.cli.logs import log_to_stderr
from vidstyle.cli.parser import Parser, add_options, add_verbosity, select_options
from vidstyle.errors import OptionError
from vidstyle.options import PaintOptions
from vidstyle.outputs import check_file_output, check_outputs
from vidstyle.printable import printable
from vidstyle.registry import name_of_part

if TYPE_CHECKING:
    from vidstyle.engines.base import AnyEngine

_OF_ENGINES = ("engine", "weights", "engine_option")


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
        choices=("fp32", "fp16", "int8"),
        default="fp32",
        help="number format of the network (default: fp32); int8 is calibrated on pictures",
    )
    parser.add_argument(
        "--calibrate",
        metavar="CLIP",
        help="a clip, picture, folder or pattern like what will be painted, for int8 "
        "(default: bundled pictures)",
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
    if arguments.calibrate is not None and arguments.precision != "int8":
        raise OptionError("--calibrate is for --precision int8; leave out --calibrate, or give both")
    check_outputs([("--output", target)], [paint.weights, arguments.calibrate])
    check_file_output(("--output", target), overwrite=arguments.overwrite)
    with log_to_stderr(arguments):
        from vidstyle.atomic_write import write_atomically, writing
        from vidstyle.engines.base import chosen_engine, load_engine
        from vidstyle.runtimes.model_cache import kept_model
        from vidstyle.weights import sha256

        chosen = chosen_engine(paint.engine, paint.weights, paint.quality_engine)
        engine = load_engine(chosen, paint.weights, dict(paint.engine_option))
        if arguments.precision == "int8":
            model = _quantized(engine, arguments.calibrate)
        else:
            model = kept_model(engine, precision=arguments.precision)
        with writing(target):
            write_atomically(target, model)
    if not arguments.quiet:
        summary = f"{name_of_part(chosen)} in {arguments.precision}, {len(model) / 1e6:.1f} MB"
        name = printable(str(target))
        print(f"{name}: {summary}\nSHA-256 of the file: {sha256(target)}", flush=True)
    return 0


def _quantized(engine: AnyEngine, calibrate: str | None) -> bytes:
    """The model of ``engine`` in 8 bits, calibrated on frames in bundled styles."""
    from vidstyle.adaptation.contents import load_moments
    from vidstyle.runtimes.quantization import quantized_model
    from vidstyle.styles.pictures import bundled_styles, load
    from vidstyle.tensors import to_tensor

    moments = load_moments([] if calibrate is None else [calibrate])
    styles = [to_tensor(load(name)) for name in bundled_styles()]
    return quantized_model(engine, [to_tensor(moment[0]) for moment in moments], styles)
