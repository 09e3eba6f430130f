"""What a result's own tags say of how it was made."""

from __future__ import annotations

import re
from pathlib import Path

import av

from vidstyle.errors import InputError

_WORD = re.compile(r"\bvidstyle\b.*\bflow[=: ]+([\w-]+)")


def warped_by(path: Path) -> str | None:
    """The flow estimator that steadied ``path``, if its tags name one; else None."""
    if not path.is_file():
        return None
    if not path.stat().st_size:
        raise InputError(f"{path} is empty (0 bytes); copy or record it again")
    try:
        with av.open(path) as container:
            texts = [str(value) for value in container.metadata.values()]
    except av.error.FFmpegError as error:
        raise InputError(f"{path} cannot be read as a video: {error.strerror or error}") from error
    for text in texts:
        if found := _WORD.search(text):
            return found[1]
    return None
