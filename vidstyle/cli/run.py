"""``vidstyle run``: paints clips, one or many, with one loaded engine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vidstyle.cli.logs import about, shown, write_line
from vidstyle.cli.parser import Parser, add_noise, add_options, add_styles, given, style_name
from vidstyle.errors import OutputError, VidstyleError
from vidstyle.options import PaintOptions, ReadOptions, SteadyOptions, WriteOptions

if TYPE_CHECKING:
    from vidstyle.api import Stylizer
    from vidstyle.options.keywords import FrameKeywords
    from vidstyle.pipeline.report import RunReport

_EXAMPLES = """\
examples:
  vidstyle run clip.mp4 --style waves
  vidstyle run clip.mp4 --style painting.jpg --strength 0.7 -o painted.mp4
  vidstyle run holiday/ --style a.jpg --style b.jpg --style-weights 2,1 -o painted/
  vidstyle run 'frames/%04d.png' --rate 24 --style waves -o painted.mov
"""


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "run",
        help="paint clips in the style of a picture",
        description="Paints clips in the style of a picture, steadily, with their sound, timing and colours.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a clip, a folder of clips, or a folder or pattern of pictures",
    )
    add_styles(parser)
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="the result, or a folder for results (default: <clip>_<style>)"
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help="only one frame beside its source, as a PNG, and how long the whole would take",
    )
    parser.add_argument(
        "--measure", action="store_true", help="say at the end how much it flickers and how near the style is"
    )
    parser.add_argument("--json", metavar="FILE", help="write what was done, and how fast, to this file")
    add_noise(parser)
    add_options(parser, "painting", PaintOptions)
    add_options(parser, "steadiness", SteadyOptions)
    add_options(parser, "reading", ReadOptions)
    add_options(parser, "writing", WriteOptions)
    parser.set_defaults(run=_run, parser=parser)


def _run(words: argparse.Namespace) -> int:
    with shown(words) as warnings:
        batch = _Batch(words)
        batch.run()
        if words.json is not None:
            batch.save(Path(words.json), warnings)
    return 1 if batch.failed else 0


class _Batch:
    """The sources of one command, one after the other; one that fails does not stop the rest."""

    def __init__(self, words: argparse.Namespace) -> None:
        style = style_name(words)
        if words.preview and words.json is not None:
            words.parser.error("--json reports a whole run; leave out --preview or --json")
        from vidstyle.cli.inputs import expand, targets  # reads what codecs there are: after usage is checked

        self.words = words
        self.reports: list[RunReport] = []
        self.failed: list[tuple[str, str]] = []
        self._write = write = WriteOptions(**given(words, WriteOptions))
        self._read = ReadOptions(**given(words, ReadOptions))
        PaintOptions(**given(words, PaintOptions))
        self.sources = expand(words.inputs, style, write)
        self.targets = targets(self.sources, words.output, style, write)
        if words.json is not None and not Path(words.json).parent.is_dir():
            raise OutputError(f"no folder {Path(words.json).parent} for --json; make it first")
        self._stylizer: Stylizer | None = None

    def run(self) -> None:
        for source, target in zip(self.sources, self.targets, strict=True):
            try:
                if self.words.preview:
                    self._preview(source, target)
                else:
                    self._paint(source, target)
            except VidstyleError as error:
                if len(self.sources) == 1:
                    raise
                self.failed.append((source, str(error)))
                write_line(f"vidstyle: {about(source, error)}")
        if len(self.sources) > 1 and not self.words.quiet:
            print(f"{len(self.sources) - len(self.failed)} of {len(self.sources)} inputs done", flush=True)
            for source, _ in self.failed:
                print(f"  failed: {source}", flush=True)

    def _paint(self, source: str, target: Path) -> None:
        from vidstyle.cli.progress import bar, summary
        from vidstyle.pipeline.plan import plan_painting

        with bar(Path(source).name, hidden=self.words.quiet) as draw:
            plan = plan_painting(
                source,
                target,
                self._loaded,
                read=self._read,
                write=self._write,
                measure=self.words.measure,
            )
            from vidstyle.pipeline.run import run  # imports torch: what is wrong with the files is known now

            report = run(plan, on_frame=draw)
        self.reports.append(report)
        if not self.words.quiet:
            print(summary(report), flush=True)
            if report.measured is not None:
                from vidstyle.pipeline.meter import Measured

                print(Measured(**report.measured).text(), flush=True)

    def _preview(self, source: str, target: Path) -> None:
        from vidstyle.cli.progress import estimate
        from vidstyle.pipeline.preview import preview

        picture = target.with_name(f"{target.stem}_preview.png")
        tried = preview(self._loaded, source, picture, target, read=self._read, write=self._write)
        if not self.words.quiet:
            print(estimate(tried), flush=True)

    def _loaded(self) -> Stylizer:
        """The engine and the styles, loaded for the first source and kept for the others."""
        if self._stylizer is None:
            from vidstyle.api import Stylizer
            from vidstyle.device import own_process, set_threads, stream_threads

            frame_words = cast("FrameKeywords", given(self.words, PaintOptions, SteadyOptions))
            own_process()
            set_threads(stream_threads())
            self._stylizer = Stylizer(self.words.style, **frame_words)
        return self._stylizer

    def save(self, path: Path, warnings: list[str]) -> None:
        """Write the report of the run, or a list of those of several, as JSON."""
        runs = [report.to_json() for report in self.reports]
        failed = [{"source": source, "error": error} for source, error in self.failed]
        content = runs[0] if len(self.sources) == 1 else {"runs": runs, "failed": failed}
        try:
            path.write_text(json.dumps({**content, "warnings": warnings}, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
