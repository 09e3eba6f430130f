"""Log messages on stderr: each once, printed above a progress bar."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import warnings
from collections.abc import Generator

from vidstyle.printable import printable


@contextlib.contextmanager
def shown(words: argparse.Namespace) -> Generator[list[str], None, None]:
    """A context that prints logs by ``--quiet`` and ``--verbose``; yields the warnings so far."""
    log = logging.getLogger("vidstyle")
    handler = _LogHandler(
        logging.ERROR if words.quiet else logging.DEBUG if words.verbose else logging.WARNING
    )
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if words.verbose else logging.WARNING)
    try:
        with warnings.catch_warnings():
            if not words.verbose:
                warnings.simplefilter("ignore")  # notes from one library to the programmers of another
            yield handler.warnings
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class _LogHandler(logging.Handler):
    """Prints each message once and collects the warnings."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.warnings: list[str] = []
        self._shown: set[str] = set()
        self._level = level  # of what is shown; warnings are collected even when they are not

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = record.getMessage()
        except Exception:
            self.handleError(record)
            return
        if line in self._shown:
            return
        self._shown.add(line)
        if record.levelno >= logging.WARNING:
            self.warnings.append(line)
        if record.levelno >= self._level:
            write_line(f"vidstyle: {record.levelname.lower()}: {printable(line)}")


def write_line(line: str) -> None:
    """Write ``line`` to stderr, above a progress bar."""
    from tqdm import tqdm

    with contextlib.suppress(OSError):
        tqdm.write(printable(line, keeps_lines=True), file=sys.stderr)


def say(line: str, words: argparse.Namespace, *, is_piped: bool) -> None:
    """Print ``line`` unless ``--quiet``; to stderr where standard output is (or may be) the result."""
    if words.quiet:
        return
    if is_piped:
        write_line(line)
    else:
        print(printable(line, keeps_lines=True), flush=True)


def about(source: str, error: Exception) -> str:
    """The error's message with the name of the input, unless it has it already."""
    return printable(str(error) if source in str(error) else f"{source}: {error}")
