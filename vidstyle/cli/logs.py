"""Messages to the user: log records on stderr, each printed once, and lines above a progress bar."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import warnings
from collections.abc import Generator

from vidstyle.printable import printable


@contextlib.contextmanager
def log_to_stderr(arguments: argparse.Namespace) -> Generator[list[str], None, None]:
    """Print log records on stderr within this context, as ``--quiet`` and ``--verbose`` say.

    Yields the list of warnings, to which each new one is appended.
    """
    log = logging.getLogger("vidstyle")
    handler = _LogHandler(
        logging.ERROR if arguments.quiet else logging.DEBUG if arguments.verbose else logging.WARNING
    )
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if arguments.verbose else logging.WARNING)
    try:
        with warnings.catch_warnings():
            if not arguments.verbose:
                warnings.simplefilter("ignore")  # of libraries, for programmers
            yield handler.warnings
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class _LogHandler(logging.Handler):
    """Prints each message once and collects the warnings."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.warnings: list[str] = []
        self._printed: set[str] = set()
        self._level = level  # the least that is printed; warnings are collected even if they are not

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = record.getMessage()
        except Exception:
            self.handleError(record)
            return
        if line in self._printed:
            return
        self._printed.add(line)
        if record.levelno >= logging.WARNING:
            self.warnings.append(line)
        if record.levelno >= self._level:
            write_line(f"vidstyle: {record.levelname.lower()}: {printable(line)}")


def write_line(line: str) -> None:
    """Write ``line`` to stderr, above a progress bar."""
    from tqdm import tqdm

    with contextlib.suppress(OSError):
        tqdm.write(printable(line, keeps_lines=True), file=sys.stderr)


def print_message(line: str, arguments: argparse.Namespace, *, is_piped: bool) -> None:
    """Print ``line`` unless ``--quiet``: to stdout, or to stderr if stdout is the result (``is_piped``)."""
    if arguments.quiet:
        return
    if is_piped:
        write_line(line)
    else:
        print(printable(line, keeps_lines=True), flush=True)


def error_message(source: str, error: Exception) -> str:
    """The message of ``error``, beginning with the input's name unless that is in it already."""
    return printable(str(error) if source in str(error) else f"{source}: {error}")
