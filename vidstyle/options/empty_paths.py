"""The check that no path is an empty string, which ``Path`` would take for the current folder."""

from __future__ import annotations

from vidstyle.errors import OptionError


def check_not_empty(**arguments: object) -> None:
    """Raise ``OptionError`` for an argument that is ``""``, or a list or tuple with ``""`` in it.

    Values that are no text pass: paths, pixels, None.
    """
    for name, value in arguments.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, str) and not item:
                raise OptionError(f"{name} is empty; give a path, or the name of what is meant")
