"""The entry point of ``vidstyle``: runs a command and converts its outcome to an exit code."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Generator, Sequence
from types import FrameType
from typing import Any

from vidstyle._version import __version__
from vidstyle.cli.parser import Parser, parse
from vidstyle.errors import VidstyleError
from vidstyle.printable import printable

COMMANDS = {  # command -> module with ``add(commands)``, in the order of the help
    "run": "vidstyle.cli.run",
    "image": "vidstyle.cli.image",
    "page": "vidstyle.cli.page",
    "live": "vidstyle.cli.live",
    "sheet": "vidstyle.cli.sheet",
    "steady": "vidstyle.cli.steady",
    "propagate": "vidstyle.cli.propagate",
    "propagate-mask": "vidstyle.cli.propagate_mask",
    "evaluate": "vidstyle.cli.evaluate",
    "points": "vidstyle.cli.points",
    "study": "vidstyle.cli.study",
    "adapt": "vidstyle.cli.adapt",
    "train": "vidstyle.cli.train",
    "export": "vidstyle.cli.export",
    "export-onnx": "vidstyle.cli.export_onnx",
    "status": "vidstyle.cli.status",
    "list": "vidstyle.cli.list",
    "doctor": "vidstyle.cli.doctor",
    "completion": "vidstyle.cli.completion",
}


_FULL_COLLECTION = 100  # collections of younger objects between two of all objects; 10 by default
_IMPORTING = "<frozen importlib._bootstrap>"  # the file of Python's own code that imports
_AGAIN = 0.02  # s until a signal is raised again that came at a moment at which it could do harm


class Terminated(BaseException):
    """SIGTERM or SIGHUP was received; unwinds like Ctrl-C, so that no partial file is left."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.code = 128 + number


def main(command_line: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 1 for errors, 2 usage, 130 Ctrl-C, 143 SIGTERM."""
    # By default torch's OpenMP threads spin for milliseconds at every barrier, and compete with decoder and
    # encoder: up to 10 times the CPU time. Without spinning the network is a third slower. Read when torch
    # is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    if command_line is None:
        # Importing torch makes 250,000 objects and no garbage: looking through all of them again and again
        # would take a tenth of the start.
        gc.set_threshold(*gc.get_threshold()[:2], _FULL_COLLECTION)
    for stream in (
        sys.stdout,
        sys.stderr,
    ):  # a file's name may hold characters that the terminal's encoding lacks
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _signals_raise(is_process=command_line is None):
            arguments = parse(build_parser(), list(sys.argv[1:] if command_line is None else command_line))
            exit_code: int = arguments.run(arguments)
            sys.stdout.flush()  # a closed pipe raises here, where it is handled
            return exit_code
    except SystemExit as stop:  # argparse: help and version 0, usage 2
        return stop.code if isinstance(stop.code, int) else 1
    except VidstyleError as error:
        return _failed(str(error), 1)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except Terminated as stop:
        return _failed(str(stop), stop.code)
    except BrokenPipeError:
        # the reader of stdout has gone (vidstyle list | head); Python must not flush to it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # an invalid file name, a disk that was removed
        return _failed(f"{_short(error.filename)}{error.strerror or error}", 1)
    except MemoryError:
        return _failed("out of memory; try a smaller --working-size", 1)
    except Exception as error:
        text = " ".join(str(error).split())
        return _failed(f"unexpected {type(error).__name__}: {text} (VIDSTYLE_DEBUG=1 shows where)", 1)


def build_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(
        prog="vidstyle",
        description="Turns video into a moving painting in the style of any picture, without flicker.",
        epilog="vidstyle COMMAND --help says more. Start with: vidstyle run clip.mp4 --style waves",
    )
    parser.add_argument("--version", action="version", version=f"vidstyle {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for module in COMMANDS.values():
        importlib.import_module(module).add(commands)
    return parser


def _short(name: object) -> str:
    """The name of the file that an error is about, shortened to 60 characters, with a colon."""
    text = "" if name is None else str(name)
    return f"{text[:60]}{'…' if len(text) > 60 else ''}: " if text else ""


def _failed(message: str, code: int) -> int:
    """Print ``message`` on stderr, with a traceback if VIDSTYLE_DEBUG is set; returns ``code``."""
    if os.environ.get("VIDSTYLE_DEBUG", "0") not in ("", "0"):
        traceback.print_exc()
    # stderr may be closed too
    with contextlib.suppress(OSError):
        print(f"vidstyle: {printable(message)}", file=sys.stderr, flush=True)
    return code


def _raise_in_main_thread(number: int) -> None:
    """Send a signal to the main thread, so that a call that it waits in is interrupted."""
    if hasattr(signal, "pthread_kill") and (main_thread := threading.main_thread().ident) is not None:
        signal.pthread_kill(main_thread, number)
    else:
        signal.raise_signal(number)


@contextlib.contextmanager
def _signals_raise(*, is_process: bool) -> Generator[None, None, None]:
    """A context in which SIGTERM and SIGHUP raise ``Terminated``, and Ctrl-C ``KeyboardInterrupt``.

    Only the first signal counts: an interrupted clean-up would leave partial files. The former handlers are
    restored at the end, unless the process ends there too (``is_process``).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename == _IMPORTING:
            # an exception there may leave the lock of all imports taken, or be swallowed
            again = threading.Timer(_AGAIN, _raise_in_main_thread, (number,))
            again.daemon = True
            again.start()
            return
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # a signal that is ignored (nohup) stays ignored
    before: dict[int, Any] = {
        number: handler for number in numbers if (handler := signal.getsignal(number)) != signal.SIG_IGN
    }
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        if not is_process:
            for number, handler in before.items():
                signal.signal(number, handler)
