"""How a result was made, from its metadata tags."""

from __future__ import annotations

import re
from pathlib import Path

from vidstyle.errors import InputError
from vidstyle.video.reading.opening import open_container

_MADE = re.compile(r"\bvidstyle \d")
_FLOW = re.compile(r"\bvidstyle\b.*\bflow[=: ]+([\w-]+)")


def warped_by(path: Path) -> str | None:
    """Name of the flow estimator in the tags of the result ``path``; None if there is none."""
    if not path.is_file():
        return None
    return next((flow[1] for text in _tags(path) if (flow := _FLOW.search(text))), None)


def is_result(path: Path) -> bool:
    """Whether the tags of ``path`` name vidstyle as its maker; False if it cannot be read."""
    try:
        return any(_MADE.search(text) for text in _tags(path))
    except InputError:
        return False


def _tags(path: Path) -> list[str]:
    with open_container(path) as container:
        return [str(value) for value in container.metadata.values()]
