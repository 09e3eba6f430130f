"""Files written whole or not at all, and over others only if allowed."""

from __future__ import annotations

import os
from contextlib import suppress
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
    # unique, as several threads and processes may write the same file
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
