"""Folders of vidstyle's cache: bounded in size, the least recently used files are removed first."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from vidstyle.weights import user_cache

log = logging.getLogger(__name__)

LIMIT = 256 * 1024**2  # bytes in each folder, if not said otherwise


def cache_folder(name: str) -> Path | None:
    """The folder ``name`` in vidstyle's cache; its least recently used files are removed beyond ``LIMIT``.

    None if it cannot be made or written, as in a home that is read-only: a cache saves time only.
    """
    folder = user_cache() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.debug("no cache in %s: %s", folder, error)
        return None
    trim(folder, LIMIT)
    return folder if os.access(folder, os.W_OK) else None


def trim(folder: Path, limit: int, *, left: float = 1.0, patterns: Sequence[str] = ("**/*",)) -> int:
    """Remove the least recently used files of ``folder`` if they exceed ``limit`` bytes.

    Until at most the share ``left`` of the limit remains. Only files that match one of the glob ``patterns``
    are counted and removed. Returns the bytes that remain. What another run removes meanwhile is no error.
    """
    files = []
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        with contextlib.suppress(OSError):
            if path.is_file():
                state = path.stat()
                files.append((state.st_mtime, state.st_size, path))
    size = sum(bytes_ for _, bytes_, _ in files)
    if size <= limit:
        return size
    for _, bytes_, path in sorted(files):
        if size <= limit * left:
            break
        with contextlib.suppress(OSError):
            path.unlink()
        size -= bytes_
    return size


def mark_used(path: Path) -> None:
    """Note that the file ``path`` is used now, so that it is among the last to be removed."""
    with contextlib.suppress(OSError):
        path.touch()
