"""Patterns that name several files: ``shots/*.png`` and ``shots/frame_%04d.png``."""

from __future__ import annotations

import fnmatch
import glob
import re
from pathlib import Path

from vidstyle.errors import InputError

_NUMBER = re.compile(r"%0?(\d*)d")


def is_pattern(path: Path) -> bool:
    """Whether ``path`` means several files.

    An existing file never does, and in the name of an existing folder ``*``, ``?`` and ``[`` are literal.
    """
    if _exists(path):
        return False
    return _NUMBER.search(path.name) is not None or glob.has_magic(str(_varying(path)))


def folder_of(pattern: Path) -> Path:
    """The folder of a ``pattern``'s files; for a pattern of folders (``*/a.png``), the folder of those."""
    folder = pattern.parent
    while not _exists(folder) and glob.has_magic(str(folder)):
        folder = folder.parent
    return folder.resolve() if folder.name in ("", "..") else folder


def varies_in_folder(pattern: Path) -> bool:
    """Whether the files of a ``pattern`` lie in several folders: ``day*/shot.mp4``."""
    return not _exists(pattern.parent) and glob.has_magic(str(pattern.parent))


def files_of(pattern: Path) -> list[Path]:
    """The files that a ``pattern`` means, in no order; hidden ones only if the pattern begins with a dot."""
    if _numbers(pattern) is not None:
        return list(numbered(pattern).values())
    if not _exists(pattern.parent):
        names = glob.glob(str(pattern), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
        return [Path(name) for name in names if Path(name).is_file()]
    shows_hidden = pattern.name.startswith(".")
    return [item for item in listed(pattern.parent, hidden=shows_hidden) if fits(item.name, pattern)]


def fits(name: str, pattern: Path) -> bool:
    """Whether a file called ``name`` in the folder of ``pattern`` is one of those that it means."""
    numbers = _numbers(pattern)
    return fnmatch.fnmatch(name, pattern.name) if numbers is None else numbers.fullmatch(name) is not None


def numbered(pattern: Path) -> dict[int, Path]:
    """Files whose name has a number where the ``pattern`` has ``%04d``, by that number; {} if it has none."""
    numbers = _numbers(pattern)
    if numbers is None:
        return {}
    return {
        int(number[1]): item
        for item in listed(pattern.parent)
        if (number := numbers.fullmatch(item.name)) is not None
    }


def listed(folder: Path, *, hidden: bool = False) -> list[Path]:
    """The files in a ``folder``; raises ``InputError`` where it cannot be read."""
    try:
        return [item for item in folder.iterdir() if (hidden or item.name[0] != ".") and item.is_file()]
    except PermissionError as error:
        raise InputError(f"the folder {folder} may not be read; change its permissions") from error
    except OSError as error:
        raise InputError(f"no folder {folder}; check the name") from error


def _numbers(pattern: Path) -> re.Pattern[str] | None:
    """What matches names of a ``%04d`` pattern, the number as its first group; None for other patterns."""
    number = _NUMBER.search(pattern.name)
    if number is None:
        return None
    digits = rf"\d{{{int(number[1])},}}" if number[1] else r"\d+"
    before, after = pattern.name[: number.start()], pattern.name[number.end() :]
    return re.compile(re.escape(before) + f"({digits})" + re.escape(after))


def _varying(path: Path) -> Path:
    """The part of ``path`` that may be a pattern: its name alone if its folder exists."""
    return Path(path.name) if _exists(path.parent) else path


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except (OSError, ValueError):  # a name that no file can have
        return False
