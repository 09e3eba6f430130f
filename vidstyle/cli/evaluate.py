"""``vidstyle evaluate``: measures flicker, style and content of results against their clip."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vidstyle.cli.logs import log_to_stderr, print_message
from vidstyle.cli.parser import Parser, add_options, add_verbosity, select_options
from vidstyle.errors import OutputError
from vidstyle.options import PaintOptions, ReadOptions, WriteOptions
from vidstyle.outputs import check_file_output, check_outputs, is_stdout, write_text
from vidstyle.registry import FEATURES

if TYPE_CHECKING:
    from vidstyle.evaluation.evaluator import OnMeasured
    from vidstyle.evaluation.results import Evaluation
    from vidstyle.options.keywords import ReadKeywords

_EXAMPLES = """\
examples:
  vidstyle evaluate clip_waves.mp4 --source clip.mp4 --style waves
  vidstyle evaluate ours.mp4 theirs.mp4 --source clip.mp4 --style art.jpg --baseline each-frame.mp4
  vidstyle evaluate ours.mp4 --source clip.mp4 --style waves --engine stylenet --report flicker.html
"""

_NOT_OF_THE_BASELINE = tuple(
    item.name for item in fields(PaintOptions) if item.name not in ("weights", "engine_option")
)


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "evaluate",
        help="measure flicker, style and content of results against their clip",
        description="Measures results, of vidstyle or another tool, against the clip they were made from.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="RESULT",
        help="a clip, or a folder or pattern of pictures; several compare",
    )
    parser.add_argument("--source", required=True, metavar="CLIP", help="the clip that they were made from")
    parser.add_argument("--style", metavar="PICTURE", help="the picture in whose style, or a bundled name")
    parser.add_argument("--baseline", metavar="RESULT2", help="the result with each frame painted by itself")
    parser.add_argument(
        "--engine",
        metavar="NAME",
        help='paint each frame by itself with this engine instead; a name, or "package.module:Attribute"',
    )
    add_options(parser, "the engine of the baseline", PaintOptions, leave_out=_NOT_OF_THE_BASELINE)
    group = parser.add_argument_group("measuring")
    group.add_argument(
        "--metrics",
        metavar="A,B",
        help='only these, by name or "package.module:Class" (default: all that can be measured)',
    )
    group.add_argument(
        "--flow",
        default="auto",
        metavar="NAME",
        help="scores motion: auto (one that steadied none of the results), or one that `vidstyle list flows` "
        'shows, or "package.module:Attribute"',
    )
    group.add_argument(
        "--flow-size", type=int, metavar="PX", help="short side at which motion is estimated (default: 360)"
    )
    group.add_argument(
        "--features", default="vgg16", metavar="NAME", help=f"{', '.join(FEATURES)} (default: vgg16)"
    )
    group.add_argument(
        "--targets",
        action="store_true",
        help="say which of the article's targets each result meets: LPIPS, frame difference, PSNR",
    )
    group.add_argument("--every", type=int, default=1, metavar="N", help="measure one in so many frames")
    group.add_argument("--device", default="auto", help="where to compute: auto, cpu, cuda or mps")
    writing = parser.add_argument_group("writing")
    writing.add_argument("--json", metavar="FILE", help="write numbers and how they were made")
    writing.add_argument("--csv", metavar="FILE", help="write one line a metric")
    writing.add_argument("--report", metavar="FILE", help="write a page (HTML) with curves and pictures")
    writing.add_argument("--heatmap", metavar="FILE", help="write a clip that shows where the first flickers")
    writing.add_argument("--overwrite", action="store_true", help="replace existing files")
    add_verbosity(parser)
    add_options(parser, "reading", ReadOptions)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    from vidstyle.cli.inputs import expand_clips

    arguments.inputs = expand_clips(arguments.inputs)
    targets = _targets(arguments)
    with log_to_stderr(arguments):
        from vidstyle.evaluation.evaluator import evaluate
        from vidstyle.metrics.motion import DEFAULT_SIZE

        if arguments.report is not None:
            from vidstyle.optional_imports import require

            require("matplotlib.figure", "--report")  # before minutes of measuring
        with _EvaluationBar(arguments.quiet) as draw:
            evaluation = evaluate(
                arguments.inputs,
                source=arguments.source,
                style=arguments.style,
                baseline=arguments.baseline,
                engine=arguments.engine,
                weights=getattr(arguments, "weights", None),
                engine_option=getattr(arguments, "engine_option", ()),
                metrics=None if arguments.metrics is None else _split(arguments.metrics),
                flow=arguments.flow,
                flow_size=arguments.flow_size or DEFAULT_SIZE,
                features=arguments.features,
                every=arguments.every,
                device=arguments.device,
                heatmap=arguments.heatmap,
                overwrite=arguments.overwrite,
                on_frame=draw,
                **cast("ReadKeywords", select_options(arguments, ReadOptions)),
            )
    # all texts are made before the first is written: an error then leaves no files
    for target, text in [(target, _TEXTS[kind](evaluation)) for kind, target in targets.items()]:
        write_text(target, text)
    is_piped = any(is_stdout(target) for target in targets.values())
    print_message(evaluation.table(), arguments, is_piped=is_piped)
    if arguments.targets:
        from vidstyle.evaluation.targets import target_rows

        print_message("\n".join(["", *target_rows(evaluation)]), arguments, is_piped=is_piped)
    return 0


def _targets(arguments: argparse.Namespace) -> dict[str, Path]:
    """The output files by kind; raises ``OutputError`` if one cannot be written."""
    from vidstyle.video.writing.pipe_output import is_stream
    from vidstyle.video.writing.target import check_target

    targets = {
        kind: Path(value)
        for kind in ("json", "csv", "report")
        if (value := getattr(arguments, kind)) is not None
    }
    heatmap = [] if arguments.heatmap is None else [("--heatmap", Path(arguments.heatmap))]
    texts = [(f"--{kind}", target) for kind, target in targets.items()]
    check_outputs([*texts, *heatmap], _inputs(arguments))
    for output in texts:
        check_file_output(output, overwrite=arguments.overwrite)
    if heatmap:
        if is_stream(heatmap[0][1]):
            raise OutputError(f"--heatmap {heatmap[0][1]} is a pipe; give the name of a file")
        check_target(heatmap[0][1], WriteOptions(overwrite=arguments.overwrite))
    return targets


def _inputs(arguments: argparse.Namespace) -> list[str]:
    """All files that are read, which no output may replace."""
    paths = (arguments.source, arguments.style, arguments.baseline, getattr(arguments, "weights", None))
    return [*arguments.inputs, *(str(path) for path in paths if path is not None)]


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


class _EvaluationBar:
    """A progress bar of frames on stderr, as a context; not drawn if ``hidden`` or without a terminal."""

    def __init__(self, hidden: bool) -> None:
        from tqdm import tqdm

        from vidstyle.cli.progress import StatusLines

        self._lines = StatusLines(hidden)
        self._bar: Any = tqdm(
            desc="evaluate", unit="frame", disable=True if hidden else None, leave=False, dynamic_ncols=True
        )

    def __enter__(self) -> OnMeasured:
        return self._draw

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def _draw(self, done: int, total: int | None) -> None:
        of_total = f" of about {max(total, done):,}" if total else ""
        self._lines.update(lambda: f"evaluate: {done:,}{of_total} frames")
        self._bar.total = max(total, done) if total else None
        self._bar.update(done - self._bar.n)


def _json(evaluation: Evaluation) -> str:
    return json.dumps(evaluation.to_json(), indent=2) + "\n"


def _csv(evaluation: Evaluation) -> str:
    return evaluation.to_csv()


def _report(evaluation: Evaluation) -> str:
    from vidstyle.evaluation.html_report import page

    return page(evaluation)


_TEXTS: dict[str, Callable[[Evaluation], str]] = {"json": _json, "csv": _csv, "report": _report}
