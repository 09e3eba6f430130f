"""What a result's own tags say of how it was made."""

from __future__ import annotations

import re
from pathlib import Path

from vidstyle.errors import InputError
from vidstyle.video.reading.opening import open_container

_MADE = re.compile(r"\bvidstyle \d")
_WORD = re.compile(r"\bvidstyle\b.*\bflow[=: ]+([\w-]+)")


def warped_by(path: Path) -> str | None:
    """The flow estimator that steadied ``path``, if its tags name one; else None."""
    if not path.is_file():
        return None
    return next((flow[1] for text in _tags(path) if (flow := _WORD.search(text))), None)


def is_result(path: Path) -> bool:
    """Whether the tags of ``path`` say that vidstyle made it; False for what cannot be read."""
    try:
        return any(_MADE.search(text) for text in _tags(path))
    except InputError:
        return False


def _tags(path: Path) -> list[str]:
    with open_container(path) as container:
        return [str(value) for value in container.metadata.values()]
