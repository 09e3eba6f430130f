"""``vidstyle study``: makes studies that ask people, serves them, and analyses the answers."""

from __future__ import annotations

import argparse
import json
from contextlib import suppress
from pathlib import Path

from vidstyle.cli.logs import log_to_stderr, print_message
from vidstyle.cli.parser import Parser, add_verbosity
from vidstyle.errors import InputError, OptionError, OutputError
from vidstyle.optional_imports import require
from vidstyle.outputs import check_file_output, check_outputs, is_stdout, write_text

_EXAMPLES = """\
examples:
  vidstyle study make --source clip.mp4 --result ours=ours.mp4 --result theirs=theirs.mp4 -o study
  vidstyle study make --source a.mp4 --source b.mp4 --result ours=ours/ --result theirs=theirs/ -o study
  vidstyle study serve study --answers answers/
  vidstyle study analyse answers/ --report study.html
"""
_PATIENCE = 1  # s that answers on their way have to arrive after Ctrl-C; clips are cut off
_HELP = "ask people which results are good, and analyse what they say"


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "study",
        help=_HELP,
        description="Makes studies after ITU-T P.910, each a folder with a page, and analyses the answers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(metavar="WHAT", required=True, title="what to do")
    _add_make(kinds)
    _add_serve(kinds)
    _add_analyse(kinds)


def _add_make(kinds: argparse._SubParsersAction[Parser]) -> None:
    parser = kinds.add_parser(
        "make", help="make a study in a new folder", description="Makes a study in a new folder."
    )
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="CLIP",
        help="a clip that was painted; may be repeated",
    )
    parser.add_argument(
        "--result",
        action="append",
        default=[],
        metavar="NAME=RESULT",
        help="a tool or setting, and its result; for several sources a folder with <source> or <source>_…",
    )
    parser.add_argument("--style", metavar="PICTURE", help="the picture in whose style, or a bundled name")
    parser.add_argument(
        "--method", default="both", metavar="KIND", help="rating, pairs or both (default: both)"
    )
    parser.add_argument(
        "--training",
        action="append",
        default=[],
        metavar="CLIP",
        help="a clip for practice at the start; may be repeated (default: three of the study)",
    )
    parser.add_argument(
        "--checks", type=int, default=2, metavar="N", help="attention checks of each kind (default: 2)"
    )
    parser.add_argument(
        "--at-most",
        type=int,
        metavar="N",
        help="a random selection of so many ratings and pairs for each person",
    )
    parser.add_argument(
        "--title", default="Which paintings in motion are good?", help="what the page is called"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="the new folder")
    add_verbosity(parser)
    parser.set_defaults(run=_make, parser=parser)


def _add_serve(kinds: argparse._SubParsersAction[Parser]) -> None:
    about = "Serves a study, and keeps the answers that people send at its end."
    parser = kinds.add_parser("serve", help="serve a study and keep the answers", description=about)
    parser.add_argument("folder", metavar="STUDY", help="a folder that `vidstyle study make` wrote")
    parser.add_argument(
        "--answers", required=True, metavar="FOLDER", help="an existing folder for the answers"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="listen at this address (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=int, default=8000, metavar="N", help="listen at this port (default: 8000)"
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let --host be an address that other machines reach, without encryption",
    )
    add_verbosity(parser)
    parser.set_defaults(run=_serve, parser=parser)


def _add_analyse(kinds: argparse._SubParsersAction[Parser]) -> None:
    about = "Mean opinions with intervals, outliers after BT.500, and the Bradley-Terry model of the pairs."
    parser = kinds.add_parser("analyse", help="analyse the answers of people", description=about)
    parser.add_argument(
        "inputs", nargs="+", metavar="ANSWERS", help="files that people saved, or their folder"
    )
    parser.add_argument(
        "--failed-checks",
        type=int,
        default=0,
        metavar="N",
        help="attention checks that a person may fail (default: 0)",
    )
    parser.add_argument(
        "--measured",
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="what `vidstyle evaluate --json` wrote about a result of NAME; may be repeated, and is averaged",
    )
    parser.add_argument("--json", metavar="FILE", help="write all numbers")
    parser.add_argument("--csv", metavar="FILE", help="write one line a number")
    parser.add_argument("--report", metavar="FILE", help="write a page (HTML) with the table and plots")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    add_verbosity(parser)
    parser.set_defaults(run=_analyse, parser=parser)


def _make(arguments: argparse.Namespace) -> int:
    with log_to_stderr(arguments):
        from vidstyle.study.making import LONGEST, make_study

        study = make_study(
            Path(arguments.output),
            sources=[Path(source) for source in arguments.source],
            results=arguments.result,
            style=arguments.style,
            method=arguments.method,
            training=[Path(clip) for clip in arguments.training],
            checks=arguments.checks,
            at_most=arguments.at_most,
            title=arguments.title,
        )
    length = f"about {max(1, round(study.seconds / 60))} min a person"
    if study.seconds > LONGEST:
        length += ", which is too long: P.910 asks for at most 30; see --at-most"
    counts = f"{study.ratings} clips to rate, {study.pairs} pairs, {study.checks} checks"
    print_message(f"{study.folder / 'index.html'}: {counts}; {length}", arguments, is_piped=False)
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    for module in ("starlette", "uvicorn", "websockets"):
        require(module, "vidstyle study serve")
    from vidstyle.server.addresses import is_loopback
    from vidstyle.server.listening import listening, server_of
    from vidstyle.study.serving import study_app

    if not is_loopback(arguments.host) and not arguments.allow_remote:
        raise OptionError(
            f"--host {arguments.host} can be reached from other machines; add --allow-remote if that is meant"
        )
    answers = Path(arguments.answers)
    if not answers.is_dir():
        raise OutputError(f"no folder {answers} for the answers; make it first")
    app = study_app(Path(arguments.folder), answers, host=arguments.host)
    with log_to_stderr(arguments), suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
        listener = listening(arguments.host, arguments.port)
        with listener:
            print(f"http://{arguments.host}:{listener.getsockname()[1]}/\nCtrl-C ends it", flush=True)
            server_of(app, patience=_PATIENCE).run(sockets=[listener])
    return 0


def _analyse(arguments: argparse.Namespace) -> int:
    targets = {kind: Path(value) for kind in ("json", "csv", "report") if (value := getattr(arguments, kind))}
    outputs = [(f"--{kind}", target) for kind, target in targets.items()]
    measured_files = [item.partition("=")[2] for item in arguments.measured]
    check_outputs(outputs, [*arguments.inputs, *filter(None, measured_files)])
    folders = {Path(place).resolve() for place in arguments.inputs if Path(place).is_dir()}
    for option, target in outputs:
        if target.suffix.lower() == ".json" and target.resolve().parent in folders:
            raise OutputError(f"{option} {target} would lie among the answers; write it into another folder")
    for output in outputs:
        check_file_output(output, overwrite=arguments.overwrite)
    with log_to_stderr(arguments):
        from vidstyle.study.analysis import analyse
        from vidstyle.study.answers import read_answers
        from vidstyle.study.results import table, to_csv, to_json

        people = read_answers([Path(place) for place in arguments.inputs])
        measured = _measured(arguments.measured)
        analysis = analyse(people, failed_checks=arguments.failed_checks, measured=measured)
        texts = {}
        if "json" in targets:
            texts["json"] = json.dumps(to_json(analysis), indent=2) + "\n"
        if "csv" in targets:
            texts["csv"] = to_csv(analysis)
        if "report" in targets:
            from vidstyle.study.report import report

            texts["report"] = report(analysis)
    for kind, text in texts.items():
        write_text(targets[kind], text)
    is_piped = any(is_stdout(target) for target in targets.values())
    print_message(table(analysis), arguments, is_piped=is_piped)
    return 0


def _measured(items: list[str]) -> dict[str, dict[str, float]]:
    """Condition to metric to the mean over the evaluations of its results."""
    values: dict[str, dict[str, list[float]]] = {}
    for item in items:
        name, sign, file = item.partition("=")
        if not sign or not name or not file:
            raise OptionError(f"--measured must be NAME=JSON, got {item!r}")
        try:
            metrics = json.loads(Path(file).read_text(encoding="utf-8"))["metrics"]
            numbers = {metric: row["value"] for metric, row in metrics.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{file} is not what `vidstyle evaluate --json` writes; measure again"
            ) from error
        for metric, number in numbers.items():
            if isinstance(number, int | float):
                values.setdefault(name, {}).setdefault(metric, []).append(float(number))
    return {
        name: {metric: sum(numbers) / len(numbers) for metric, numbers in row.items()}
        for name, row in values.items()
    }
