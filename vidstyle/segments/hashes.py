"""Hashes of inputs and of what was painted."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from vidstyle.file_suffixes import READABLE_PICTURES
from vidstyle.patterns import files_of, is_pattern, listed


def content_of(path: Path) -> str:
    """A hash of a file, or of the names and contents of all files of a folder or pattern."""
    if path.is_dir() or is_pattern(path):
        files = listed(path) if path.is_dir() else files_of(path)
        files = [file for file in sorted(files) if file.suffix.lower() in READABLE_PICTURES]
        return text_hash([(file.name, content_of(file)) for file in files])
    state = path.stat()
    return _file_hash(str(path.absolute()), state.st_size, state.st_mtime_ns)


def text_hash(value: object) -> str:
    """A hash of a ``value`` of JSON's types."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=4096)
def _file_hash(path: str, size: int, changed: int) -> str:
    """The hash of a file's content; size (bytes) and time of change (ns) tell a changed file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
