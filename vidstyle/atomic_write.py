"""Files that appear under their name only once they are whole, and never over others unasked."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from pathlib import Path

from vidstyle.derived_names import fitted
from vidstyle.errors import OutputError

_NUMBERS = count()  # next() of it is atomic


def write_atomically(path: Path, data: bytes | memoryview, *, is_synced: bool = False) -> None:
    """Write ``data`` under a hidden name and move it to ``path``; what was there stays if that fails.

    ``is_synced`` waits until the disk has it, so that a loss of power leaves the old file or the new one.
    Raises ``OSError``; no part of a file is left.
    """
    # a name of its own: several threads and processes may write one file
    partial = path.with_name(fitted(f".{path.name}", f".{os.getpid()}-{next(_NUMBERS)}.part"))
    try:
        with partial.open("wb") as file:
            file.write(data)
            if is_synced:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


def check_overwrite(target: Path, *, overwrite: bool) -> None:
    """Raise ``OutputError`` if there is something at ``target`` that may not be replaced."""
    if (target.exists() or target.is_symlink()) and not overwrite:
        raise OutputError(f"{target} exists already; give --overwrite to replace it")
