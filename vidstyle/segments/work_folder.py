"""The folder in which the work of one film is kept until it is whole, and its lock."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from vidstyle.atomic_write import write_atomically
from vidstyle.derived_names import fitted
from vidstyle.errors import OutputError
from vidstyle.file_lock import locked, unlock
from vidstyle.video.writing.target import cannot_keep

_SUFFIX = ".vidstyle"
_LOCK = "lock"
MANIFEST = "manifest.json"
_PARENTS = "parents"  # its file: how many folders above were made for the work, as text
_RUN = "run"  # its file: the name of the run that last locked the folder
_OWN = (_LOCK, _PARENTS, _RUN)
STOP_FILE = "stop"
"""The name of a file that tells workers to stop, by being there."""
_PATIENCE = 1.0  # s for which a lock is waited for: `vidstyle status` holds it for a moment


class WorkFolder:
    """``.NAME.vidstyle`` beside the target NAME, or ``NAME.vidstyle`` in another folder.

    A context that holds the folder's lock, which ends with the process, however that ends.
    """

    def __init__(self, target: Path, parent: Path | None) -> None:
        name = fitted(target.name if parent else f".{target.name}", _SUFFIX)
        self.target = target
        self.path = (target.parent if parent is None else parent) / name
        self.run = secrets.token_hex(8)
        """The name of this run: workers stop that paint for another one, which was killed."""
        self._lock: int | None = None

    def exists(self) -> bool:
        """Whether there is work of an earlier run."""
        return self.path.is_dir()

    def is_in_use(self) -> bool:
        """Whether a run holds the lock."""
        return is_in_use(self.path)

    def __enter__(self) -> Self:
        """Make the folder and lock it; raises ``OutputError`` if that fails or another run holds the lock."""
        try:
            made = _made_with_parents(self.path)
            if made:
                (self.path / _PARENTS).write_text(str(made), encoding="ascii")
            self._lock = locked(self.path / _LOCK, _PATIENCE)
        except OSError as error:
            raise cannot_keep(self.path, error) from error
        if self._lock is None:
            raise another_run(self.target)
        try:
            write_atomically(self.path / _RUN, self.run.encode())
        except OSError as error:
            if self.is_empty():
                self.remove()
            self._unlock()
            raise cannot_keep(self.path, error) from error
        with suppress(OSError):
            (self.path / STOP_FILE).unlink(missing_ok=True)
            self._discard_parts()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unlock()

    def is_empty(self) -> bool:
        """Whether there is no work in it: a run was killed just before it would have removed it."""
        return all(item.name in _OWN for item in self.path.iterdir())

    def clear(self) -> None:
        """Remove all work, but keep the folder and its lock.

        The manifest comes last: a run that is killed on the way can go on, or is known to be whole.
        """
        for item in sorted(self.path.iterdir(), key=lambda item: item.name == MANIFEST):
            if item.name not in _OWN:
                _discard(item)

    def remove(self) -> None:
        """Remove the folder with all work, and its parents if they were made for it; never raises."""
        parents = 0
        with suppress(OSError, ValueError):
            self.clear()
            parents = int((self.path / _PARENTS).read_text(encoding="ascii"))
        with suppress(OSError):
            for name in (_PARENTS, _RUN):
                (self.path / name).unlink(missing_ok=True)
        if self._lock is not None:
            unlock(self._lock, self.path / _LOCK)
            self._lock = None
        with suppress(OSError):  # another run may have begun in it, or other work may be in its parents
            if os.name == "nt":  # which removes no open file
                (self.path / _LOCK).unlink(missing_ok=True)
            for folder in (self.path, *list(self.path.parents)[:parents]):
                folder.rmdir()

    def _discard_parts(self) -> None:
        """Remove what runs that were killed had not finished."""
        for item in self.path.iterdir():
            if item.name.startswith(".") and ".part" in item.name:
                _discard(item)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def another_run(target: Path) -> OutputError:
    """The error if a run in segments is painting ``target``."""
    return OutputError(f"another run is painting {target}; wait for it, or give another name with --output")


def is_in_use(folder: Path) -> bool:
    """Whether a run holds the lock of a work folder."""
    try:
        lock = locked(folder / _LOCK)
    except OSError:
        return False
    if lock is None:
        return True
    os.close(lock)
    return False


def is_stopped(folder: Path, run: str) -> bool:
    """Whether workers that paint for ``run`` are to stop: it was stopped, or another one goes on."""
    try:
        return (folder / STOP_FILE).exists() or (folder / _RUN).read_text(encoding="ascii") != run
    except OSError:  # a network disk that is away for a moment
        return False


def work_folders(folder: Path) -> Iterator[Path]:
    """``folder`` if it is a work folder, or those in it."""
    if folder.name.endswith(_SUFFIX) and folder.is_dir():
        yield folder
        return
    yield from sorted(item for item in folder.iterdir() if item.name.endswith(_SUFFIX) and item.is_dir())


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` into an ``OutputError`` that says what to do."""
    try:
        yield
    except OSError as error:
        raise cannot_keep(path, error) from error


def _made_with_parents(folder: Path) -> int:
    """Make ``folder`` and its parents; the number of parents that were not there."""
    count = 0
    for parent in folder.parents:
        if parent.is_dir():
            break
        count += 1
    folder.mkdir(parents=True, exist_ok=True)
    return count


def _discard(item: Path) -> None:
    if item.is_dir() and not item.is_symlink():
        shutil.rmtree(item)
    else:
        item.unlink(missing_ok=True)
