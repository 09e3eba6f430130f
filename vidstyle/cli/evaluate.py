"""``vidstyle evaluate``: measures flicker, style and content of results against their clip."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vidstyle.cli.logs import say, shown
from vidstyle.cli.parser import Parser, add_noise, add_options, given
from vidstyle.errors import OutputError
from vidstyle.options import PaintOptions, ReadOptions, WriteOptions
from vidstyle.outputs import check_file_output, check_outputs, is_stdout, write_text

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
    item.name for item in fields(PaintOptions) if item.name not in ("weights", "engine_options")
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
        "--features", default="vgg16", metavar="NAME", help="vgg16 (default, bundled) or vgg19"
    )
    group.add_argument("--every", type=int, default=1, metavar="N", help="measure one in so many frames")
    group.add_argument("--device", default="auto", help="where to compute: auto, cpu, cuda or mps")
    writing = parser.add_argument_group("writing")
    writing.add_argument("--json", metavar="FILE", help="write numbers and how they were made")
    writing.add_argument("--csv", metavar="FILE", help="write one line a metric")
    writing.add_argument("--report", metavar="FILE", help="write a page (HTML) with curves and pictures")
    writing.add_argument("--heatmap", metavar="FILE", help="write a clip that shows where the first flickers")
    writing.add_argument("--overwrite", action="store_true", help="replace existing files")
    add_noise(parser)
    add_options(parser, "reading", ReadOptions)
    parser.set_defaults(run=_run, parser=parser)


def _run(words: argparse.Namespace) -> int:
    from vidstyle.cli.inputs import expand_clips

    words.inputs = expand_clips(words.inputs)
    targets = _targets(words)
    with shown(words):
        from vidstyle.evaluation.evaluator import evaluate
        from vidstyle.metrics.motion import DEFAULT_SIZE

        if words.report is not None:
            from vidstyle.optional_imports import require

            require("matplotlib.figure", "--report")  # before minutes of measuring
        with _EvaluationBar(words.quiet) as draw:
            found = evaluate(
                words.inputs,
                source=words.source,
                style=words.style,
                baseline=words.baseline,
                engine=words.engine,
                weights=getattr(words, "weights", None),
                engine_options=getattr(words, "engine_options", ()),
                metrics=None if words.metrics is None else _split(words.metrics),
                flow=words.flow,
                flow_size=words.flow_size or DEFAULT_SIZE,
                features=words.features,
                every=words.every,
                device=words.device,
                heatmap=words.heatmap,
                overwrite=words.overwrite,
                on_frame=draw,
                **cast("ReadKeywords", given(words, ReadOptions)),
            )
    # all are made before the first is written
    for target, text in [(target, _TEXTS[kind](found)) for kind, target in targets.items()]:
        write_text(target, text)
    is_piped = any(is_stdout(target) for target in targets.values())
    say(found.table(), words, is_piped=is_piped)
    return 0


def _targets(words: argparse.Namespace) -> dict[str, Path]:
    """The files asked for; ``OutputError`` for one that cannot be written, before anything is measured."""
    from vidstyle.video.writing.pipe_output import is_stream
    from vidstyle.video.writing.target import check_target

    targets = {
        kind: Path(value) for kind in ("json", "csv", "report") if (value := getattr(words, kind)) is not None
    }
    heatmap = [] if words.heatmap is None else [("--heatmap", Path(words.heatmap))]
    texts = [(f"--{kind}", target) for kind, target in targets.items()]
    check_outputs([*texts, *heatmap], _inputs(words))
    for output in texts:
        check_file_output(output, overwrite=words.overwrite)
    if heatmap:
        if is_stream(heatmap[0][1]):
            raise OutputError(f"--heatmap {heatmap[0][1]} is a pipe; give the name of a file")
        check_target(heatmap[0][1], WriteOptions(overwrite=words.overwrite))
    return targets


def _inputs(words: argparse.Namespace) -> list[str]:
    """All that is read, which must never be written over."""
    others = (words.source, words.style, words.baseline, getattr(words, "weights", None))
    return [*words.inputs, *(str(word) for word in others if word is not None)]


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


class _EvaluationBar:
    """A bar that counts frames, on stderr; nothing if ``hidden`` or without a terminal."""

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
        of_all = f" of about {max(total, done):,}" if total else ""
        self._lines.tell(lambda: f"evaluate: {done:,}{of_all} frames")
        self._bar.total = max(total, done) if total else None
        self._bar.update(done - self._bar.n)


def _json(found: Evaluation) -> str:
    return json.dumps(found.to_json(), indent=2) + "\n"


def _csv(found: Evaluation) -> str:
    return found.to_csv()


def _report(found: Evaluation) -> str:
    from vidstyle.evaluation.html_report import page

    return page(found)


_TEXTS: dict[str, Callable[[Evaluation], str]] = {"json": _json, "csv": _csv, "report": _report}
