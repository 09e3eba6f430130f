"""``vidstyle run``: paints one or several clips with one loaded engine."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vidstyle.adaptation.settings import TUNED_ENGINES
from vidstyle.cli.adapt import adapting, minutes_of
from vidstyle.cli.logs import error_message, log_to_stderr, print_message, write_line
from vidstyle.cli.parser import (
    Commands,
    add_options,
    add_styles,
    add_verbosity,
    select_options,
    style_name,
)
from vidstyle.cli.project import add_project, apply_project, keep_project
from vidstyle.derived_names import fitted
from vidstyle.errors import OptionError, VidstyleError
from vidstyle.options import (
    PaintOptions,
    ReadOptions,
    SegmentOptions,
    SteadyOptions,
    WriteOptions,
)
from vidstyle.outputs import check_file_output, check_outputs, is_stdout, no_empty_folder, write_text
from vidstyle.printable import printable
from vidstyle.registry import name_of_part
from vidstyle.video.writing.pipe_output import is_stream

if TYPE_CHECKING:
    from vidstyle.api import Stylizer
    from vidstyle.options.keywords import AdaptKeywords, FrameKeywords
    from vidstyle.pipeline.report import RunReport

_EXAMPLES = """\
examples:
  vidstyle run clip.mp4 --style waves
  vidstyle run clip.mp4 --style painting.jpg --strength 0.7 -o painted.mp4
  vidstyle run holiday/ --style a.jpg --style b.jpg --style-weights 2,1 -o painted/
  vidstyle run 'frames/%04d.png' --rate 24 --style waves -o painted.mov
  vidstyle run clip.mp4 --style a.jpg --style b.jpg --adapt 3m
  vidstyle run clip.mp4 --style waves -o - | ffplay -
"""


def add(commands: Commands) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "run",
        help="paint clips in the style of a picture",
        description="Paints clips in the style of a picture, steadily, with their sound, timing and colours.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="a clip, a folder of clips, or a folder or pattern of pictures",
    )
    add_styles(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="the result, a folder for results, or - for standard output (default: <clip>_<style>)",
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help="only one frame beside its source, as a PNG, and how long the whole would take",
    )
    parser.add_argument(
        "--measure", action="store_true", help="say at the end how much it flickers and how near the style is"
    )
    parser.add_argument(
        "--adapt",
        type=minutes_of,
        metavar="TIME",
        help="first tune the weights to the styles for this long (3m, 90s), on frames of the inputs; "
        "`vidstyle adapt` keeps such weights",
    )
    add_project(parser)
    parser.add_argument("--json", metavar="FILE", help="write what was done, and how fast, to this file")
    parser.add_argument("--skip-existing", action="store_true", help="leave out inputs whose result exists")
    add_verbosity(parser)
    add_options(parser, "painting", PaintOptions)
    add_options(parser, "steadiness", SteadyOptions)
    add_options(parser, "reading", ReadOptions)
    add_options(parser, "writing", WriteOptions)
    add_options(parser, "long films", SegmentOptions)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    apply_project(arguments)
    with log_to_stderr(arguments) as warnings, no_empty_folder(arguments.output):
        batch = _Batch(arguments)
        keep_project(arguments)
        batch.run()
        if arguments.json is not None:
            batch.save(Path(arguments.json), warnings)
    return 1 if batch.failed else 0


class _Batch:
    """Processes the sources of one command in turn; with several, an error does not stop the others."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        style = style_name(arguments)
        if arguments.preview and arguments.json is not None:
            arguments.parser.error("--json reports a whole run; leave out --preview or --json")
        self._is_piped = arguments.output is not None and is_stream(Path(arguments.output))
        if arguments.preview and self._is_piped:
            arguments.parser.error(
                "--preview makes a picture beside its source; leave out --preview or --output"
            )
        if arguments.skip_existing and "overwrite" in arguments:
            arguments.parser.error(
                "--skip-existing keeps results, --overwrite replaces them; give one of the two"
            )
        from vidstyle.cli.inputs import expand, targets  # looks up codecs: usage errors come first
        from vidstyle.pipeline.styling import files_of

        self.arguments = arguments
        self.reports: list[RunReport] = []
        self.failed: list[tuple[str, str]] = []
        self.skipped: list[str] = []
        self._write = write = WriteOptions(**select_options(arguments, WriteOptions))
        self._read = ReadOptions(**select_options(arguments, ReadOptions))
        self._segments = SegmentOptions(**select_options(arguments, SegmentOptions))
        paint = PaintOptions(**select_options(arguments, PaintOptions))
        self.sources = expand(arguments.inputs, style, write)
        self._tuned = None if arguments.adapt is None else self._checked_adaptation(paint)
        picture = _preview_target(arguments, len(self.sources))
        self.targets = targets(self.sources, None if picture else arguments.output, style, write)
        written = (("--json", arguments.json), ("--save-project", arguments.save_project))
        report = [(flag, Path(file)) for flag, file in written if file is not None]
        self.outputs = self.targets
        if arguments.preview:
            self.outputs = [picture] if picture else [_preview_path(target) for target in self.targets]
        self._files = files_of(arguments.style, paint)
        check_outputs(
            [*(("the result", path) for path in self.outputs), *report], [*self.sources, *self._files]
        )
        for output in report:
            check_file_output(output, overwrite=write.overwrite)
        self._stylizer: Stylizer | None = None

    def run(self) -> None:
        for source, target, output in zip(self.sources, self.targets, self.outputs, strict=True):
            if self.arguments.skip_existing and output.exists() and not self._is_piped:
                self.skipped.append(source)
                self._print(f"{printable(str(output))}: exists already, skipped")
                continue
            try:
                if self.arguments.preview:
                    self._preview(source, target, output)
                else:
                    self._paint(source, target)
            except (VidstyleError, OSError, UnicodeError) as error:
                if len(self.sources) == 1:
                    raise
                self.failed.append((source, str(error)))
                write_line(f"vidstyle: {error_message(source, error)}")
        if len(self.sources) > 1:
            done = len(self.sources) - len(self.failed) - len(self.skipped)
            skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
            self._print(f"{done} of {len(self.sources)} inputs done{skipped}")
            for source, _ in self.failed:
                self._print(f"  failed: {printable(source)}")

    def _paint(self, source: str, target: Path) -> None:
        from vidstyle.cli.progress import bar, summary
        from vidstyle.segments.film import FilmRequest, paint_clip
        from vidstyle.segments.segment_job import Painting

        arguments = self.arguments
        request = FilmRequest(
            source=Path(source),
            target=target,
            painting=Painting(tuple(arguments.style), select_options(arguments, PaintOptions, SteadyOptions)),
            load=self._loaded,
            read=self._read,
            write=self._write,
            segments=self._segments,
            inputs=self._files,
            measure=arguments.measure,
        )
        with bar(Path(source).name, hidden=arguments.quiet) as draw:
            report = paint_clip(request, on_frame=draw, on_film=draw.film)
        self.reports.append(report)
        self._print(summary(report))
        if report.measured is not None:
            from vidstyle.pipeline.meter import Measured

            self._print(Measured.from_json(report.measured).text())

    def _print(self, line: str) -> None:
        prints_json = self.arguments.json is not None and is_stdout(Path(self.arguments.json))
        print_message(line, self.arguments, is_piped=self._is_piped or prints_json)

    def _preview(self, source: str, target: Path, picture: Path) -> None:
        from vidstyle.cli.progress import estimate
        from vidstyle.pipeline.preview import preview

        result = preview(self._loaded, source, picture, target, read=self._read, write=self._write)
        self._print(estimate(result))

    def _loaded(self) -> Stylizer:
        """The engine and the styles, loaded for the first source and kept for the others."""
        if self._stylizer is None:
            from vidstyle.api import Stylizer
            from vidstyle.device import own_process, set_threads, stream_threads

            frame_options = cast("FrameKeywords", select_options(self.arguments, PaintOptions, SteadyOptions))
            own_process()
            if self.arguments.adapt is None:
                set_threads(stream_threads())
                self._stylizer = Stylizer(self.arguments.style, **frame_options)
            else:
                with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
                    frame_options["weights"] = self._adapted(Path(folder) / "adapted.safetensors")
                    set_threads(stream_threads())
                    self._stylizer = Stylizer(self.arguments.style, **frame_options)
        return self._stylizer

    def _checked_adaptation(self, paint: PaintOptions) -> str:
        """The engine that ``--adapt`` tunes; raises an error where it cannot, before anything is read."""
        if self._segments != SegmentOptions(segments="off") and self._segments != SegmentOptions():
            raise OptionError(
                "--adapt tunes weights for one run, in one piece; for a long film make them with "
                "`vidstyle adapt`, and give them as --weights"
            )
        self._segments = SegmentOptions(segments="off")
        from vidstyle.adaptation.style_pictures import style_files
        from vidstyle.engines.base import chosen_engine
        from vidstyle.video.reading.pipes import is_pipe

        engine = chosen_engine(paint.engine, paint.weights, paint.quality_engine)
        if engine not in TUNED_ENGINES:
            raise OptionError(
                f"--adapt tunes the engines {' and '.join(TUNED_ENGINES)}, not {name_of_part(engine)}; "
                "leave out one of the two"
            )
        if paint.style_track is not None:
            raise OptionError("--adapt tunes to the pictures of --style; leave out --style-track or --adapt")
        if any(is_pipe(Path(source)) for source in self.sources):
            raise OptionError("--adapt reads the inputs before they are painted; give files, not pipes")
        style_files(self.arguments.style)
        return str(engine)

    def _adapted(self, file: Path) -> Path:
        """Tune the weights to the styles on frames of all sources, into ``file``; returns it."""
        from vidstyle.adaptation.adapt import adapt
        from vidstyle.cli.adapt import gain

        arguments = self.arguments
        given = {name: value for name, value in vars(arguments).items() if name in ("weights", "device")}
        given |= {"minutes": arguments.adapt, "engine": self._tuned, **select_options(arguments, ReadOptions)}
        options = cast("AdaptKeywords", given)
        with adapting(arguments.quiet) as draw:
            adapted = adapt(arguments.style, file, content=self.sources, on_step=draw, **options)
        self._print(f"adapted in {gain(adapted)}")
        return file

    def save(self, path: Path, warnings: list[str]) -> None:
        """Write the report of the run, or of several runs, as JSON to ``path``, with all ``warnings``."""
        runs = [report.to_json() for report in self.reports]
        failed = [{"source": source, "error": error} for source, error in self.failed]
        all_runs = {"runs": runs, "failed": failed, "skipped": self.skipped}
        content = runs[0] if len(self.sources) == 1 and runs else all_runs
        write_text(path, json.dumps({**content, "warnings": warnings}, indent=2) + "\n")


def _preview_target(arguments: argparse.Namespace, count: int) -> Path | None:
    """The ``--output`` of a preview if that is the picture itself, of one source; otherwise None."""
    if not arguments.preview or arguments.output is None or count > 1:
        return None
    output = Path(arguments.output)
    return output if output.suffix.lower() == ".png" and not output.is_dir() else None


def _preview_path(target: Path) -> Path:
    """The path of the preview of the result ``target``."""
    return target.with_name(fitted(f"{target.stem}_preview", ".png"))
