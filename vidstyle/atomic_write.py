"""Files written whole or not at all, and over others only if allowed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from vidstyle.derived_names import fitted
from vidstyle.errors import OutputError

_NUMBERS = count()  # next() of it is atomic


def write_atomically(path: Path, data: bytes | memoryview, *, is_synced: bool = False) -> None:
    """Write ``data`` to a hidden file and move it to ``path``; on failure an existing file stays as it was.

    ``is_synced`` waits until the data is on disk, so that a loss of power leaves the old file or the new one.
    Raises ``OSError``; the hidden file is then removed.
    """
    with _hidden_file(path, data, is_synced=is_synced) as partial:
        partial.replace(path)


@contextmanager
def pending_file(path: Path, data: bytes | memoryview) -> Generator[Callable[[], None], None, None]:
    """Write ``data`` to a hidden file, which the function that the block gets moves to ``path``.

    If the block raises, ``path`` is as it was before, even if the file was already moved there. So files that
    belong together appear together. Raises ``OSError``.
    """
    old = _hidden(path, "old")
    is_moved = False
    with _hidden_file(path, data) as partial:

        def move() -> None:
            nonlocal is_moved
            _set_aside(path, old)
            partial.replace(path)
            is_moved = True

        try:
            yield move
        except BaseException:
            if is_moved:
                path.unlink()
            with suppress(FileNotFoundError):
                old.replace(path)
            raise
        finally:
            with suppress(OSError):  # two links to one file remain two when one is moved to the other
                old.unlink()


@contextmanager
def writing(path: Path) -> Generator[None, None, None]:
    """Turn an ``OSError`` in the block, which writes ``path``, into an ``OutputError`` that names it."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def check_overwrite(target: Path, *, overwrite: bool) -> None:
    """Raise ``OutputError`` if there is something at ``target`` that may not be replaced."""
    if (target.exists() or target.is_symlink()) and not overwrite:
        raise OutputError(f"{target} exists already; give --overwrite to replace it")


def _set_aside(path: Path, old: Path) -> None:
    """Let ``old`` be the file that is at ``path``, if there is one."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        os.link(path, old)  # there is a file at ``path`` at every moment
    except FileNotFoundError:
        pass
    except OSError:  # a file system without hard links
        path.replace(old)


@contextmanager
def _hidden_file(
    path: Path, data: bytes | memoryview, *, is_synced: bool = False
) -> Generator[Path, None, None]:
    """A file beside ``path`` that holds ``data``, and is gone at the end if it was not moved."""
    partial = _hidden(path, "part")
    try:
        with partial.open("wb") as file:
            file.write(data)
            if is_synced:
                file.flush()
                os.fsync(file.fileno())
        yield partial
    finally:
        with suppress(OSError):
            partial.unlink()


def _hidden(path: Path, what: str) -> Path:
    # unique, as several threads and processes may write the same file
    return path.with_name(fitted(f".{path.name}", f".{os.getpid()}-{next(_NUMBERS)}.{what}"))
