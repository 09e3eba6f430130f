"""``vidstyle page``: the local page, on which clips are painted with a mouse."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from vidstyle.cli.logs import log_to_stderr, write_line
from vidstyle.cli.parser import Parser, add_verbosity
from vidstyle.errors import OptionError
from vidstyle.optional_imports import require

_EXAMPLES = """\
examples:
  vidstyle page
  vidstyle page clip.mp4
  vidstyle page clip.mp4 --output painted/ --no-browser
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to ``commands``."""
    parser = commands.add_parser(
        "page",
        help="open a page in the browser to choose styles, look at frames and run",
        description="Serves a page on this machine: drop a clip, choose styles, see painted frames, run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", nargs="?", metavar="CLIP", help="a clip to begin with, read where it is")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        help="an existing folder for results (default: that of CLIP, or the current one)",
    )
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="listen at this port (default: any free one)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="listen at this address (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let --host be an address that other machines reach; whoever has the page's address can use it",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    add_verbosity(parser)
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    from vidstyle.server.addresses import is_loopback
    from vidstyle.video.reading.pipes import is_pipe

    is_remote = not is_loopback(arguments.host)
    if is_remote and not arguments.allow_remote:
        raise OptionError(
            f"--host {arguments.host} can be reached from other machines; add --allow-remote if that is meant"
        )
    clip = arguments.clip
    if clip is not None and is_pipe(Path(clip)):
        raise OptionError(f"the page reads a clip more than once; give a file, not the pipe {clip}")
    for module in ("starlette", "uvicorn", "websockets"):
        require(module, "vidstyle page")
    from vidstyle.server.serving import serve  # imports the libraries of the extra

    results = Path(clip).parent if clip is not None else Path()
    with log_to_stderr(arguments), suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
        if is_remote:
            write_line(
                "vidstyle: warning: other machines can reach this page, without encryption; "
                "whoever has its address can use it"
            )
        serve(
            clip,
            results=results if arguments.output is None else Path(arguments.output),
            host=arguments.host,
            port=arguments.port,
            opens_browser=not arguments.no_browser,
            on_address=lambda address: print(f"{address}\nCtrl-C ends it", flush=True),
        )
    return 0


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a port from 0 to 65535, got {text}")
    return int(text)
