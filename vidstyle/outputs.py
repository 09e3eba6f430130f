"""The outputs of a command, checked together before work begins: none may overwrite an input."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vidstyle.atomic_write import check_overwrite, write_atomically
from vidstyle.derived_names import is_too_long
from vidstyle.errors import OutputError
from vidstyle.patterns import files_of, fits, folder_of, is_pattern

Output = tuple[str, Path]
"""The option that names an output (``--json``), and its file."""


def check_outputs(outputs: Iterable[Output], inputs: Iterable[str | Path | None]) -> None:
    """Raise ``OutputError`` if an output is an input, or a picture of one, or another output.

    Other spellings, symbolic and hard links of one file are the same file.
    """
    read = [Path(item) for item in inputs if item is not None and str(item) != "-"]
    known = {_identity(item): path for path in read for item in _files_behind(path) if item.exists()}
    folders = {_identity(folder): path for path in read if (folder := _folder_behind(path)) is not None}
    taken: dict[object, Output] = {}
    for option, path in outputs:
        identity = _identity(path)
        if identity in known:
            source = known[identity]
            what = "the input itself" if source == path else f"the input {source} itself"
            raise OutputError(f"{option} {path} is {what}, which is never replaced; give another name")
        if identity in taken:
            other, same = taken[identity]
            both = f"{path}" if same == path else f"one file, {same} and {path}"
            raise OutputError(f"{other} and {option} are both {both}; give each file a name of its own")
        taken[identity] = (option, path)
        source_folder = folders.get(_identity(path.parent))
        if source_folder is not None and _would_be_read(path, source_folder):
            raise OutputError(
                f"{option} {path} would become a picture of {source_folder}; write it into another folder"
            )


def check_file_output(output: Output, *, overwrite: bool) -> None:
    """Raise ``OutputError`` if a file cannot be written, or is there and may not be replaced."""
    option, path = output
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"no folder {folder} for {option}; make it first")
    if is_too_long(path.name):
        raise OutputError(f"{option} {path.name[:40]!r}… is too long for a file's name; choose a shorter one")
    if path.is_dir():
        raise OutputError(f"{option} {path} is a folder; give the name of a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"nothing may be written in the folder {folder}; choose another {option}")
    if not is_device(path):
        check_overwrite(path, overwrite=overwrite)


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none; what is not valid Unicode is escaped. Raises ``OutputError``."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        if is_device(path):
            path.write_bytes(data)
        else:
            write_atomically(path, data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def is_device(path: Path) -> bool:
    """Whether ``path`` exists and is neither file nor folder, like ``/dev/null``."""
    return path.exists() and not path.is_file() and not path.is_dir()


_FRAMES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif")


def _files_behind(path: Path) -> list[Path]:
    """``path``; for a pattern, its files and their folder too."""
    if not is_pattern(path):
        return [path]
    return [path, *([folder_of(path)] if path.parent.is_dir() else []), *files_of(path)]


def _folder_behind(path: Path) -> Path | None:
    """The folder whose pictures are read, if ``path`` is a folder or a pattern."""
    folder = path.parent if is_pattern(path) else path
    return folder if folder.is_dir() else None


def _would_be_read(path: Path, source: Path) -> bool:
    """Whether a file at ``path``, in the folder of ``source``, would be read as one of its pictures."""
    return fits(path.name, source) if is_pattern(source) else path.suffix.lower() in _FRAMES


def _identity(path: Path) -> object:
    """The same for all names of one file."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path)) if "\0" not in str(path) else path
    return state.st_dev, state.st_ino
