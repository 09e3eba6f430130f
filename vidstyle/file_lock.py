"""Locks of files that end with the process that holds them, however it ends."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

if os.name == "nt":
    import msvcrt
else:
    import fcntl


def locked(path: Path, patience: float = 0.0) -> int | None:
    """An open descriptor of ``path``, which is made, that holds its lock; None if another one holds it.

    ``patience`` are the seconds for which it is waited for. Closing the descriptor ends the lock. Raises
    ``OSError`` if the file cannot be made.
    """
    deadline = time.monotonic() + patience
    while True:
        descriptor = None
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            # who held it before may have removed the file that was opened
            if _try_lock(descriptor) and _is_the_file(descriptor, path):
                return descriptor
        except BaseException:  # a signal, too, even while the file is made: none may stay that nobody holds
            if descriptor is None:
                with suppress(OSError):
                    descriptor = os.open(path, os.O_RDWR)
            if descriptor is not None:
                unlock(descriptor, path)
            raise
        os.close(descriptor)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.05)


def unlock(descriptor: int, path: Path) -> None:
    """End the lock of ``descriptor``, and remove its file ``path`` unless another one holds it."""
    with suppress(OSError):  # on Windows it cannot be removed while it is open
        if _try_lock(descriptor) and _is_the_file(descriptor, path):
            path.unlink(missing_ok=True)
    os.close(descriptor)


def _is_the_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
