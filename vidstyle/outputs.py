"""The outputs of a command, checked together before work begins: none may overwrite an input."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from vidstyle.atomic_write import check_overwrite, write_atomically, writing
from vidstyle.derived_names import is_too_long
from vidstyle.errors import OutputError
from vidstyle.file_suffixes import READABLE_PICTURES
from vidstyle.patterns import files_of, fits, folder_of, is_pattern

Output = tuple[str, Path]
"""The option that names an output (``--json``), and its file."""


def check_outputs(outputs: Iterable[Output], inputs: Iterable[str | Path | None]) -> None:
    """Raise ``OutputError`` if an output is an input, or a picture of one, or another output, or holds one.

    Other spellings, symbolic and hard links of one file are the same file.
    """
    read = [Path(item) for item in inputs if item is not None and str(item) != "-"]
    known = {_identity(item): path for path in read for item in _files_behind(path) if _is_there(item)}
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
    made = {_real(path): (option, path) for option, path in taken.values() if not is_stdout(path)}
    for what, item in [*((f"{option} {path}", path) for option, path in made.values()), *_named(read)]:
        for above in Path(_real(item)).parents:
            if (output := made.get(str(above))) is not None:
                raise OutputError(
                    f"{what} is inside {output[1]}, which is itself an output; choose another place"
                )


def check_file_output(output: Output, *, overwrite: bool) -> None:
    """Raise ``OutputError`` if a file cannot be written, or is there and may not be replaced."""
    option, path = output
    if is_stdout(path):
        return
    if _is_pipe(path) and not _is_descriptor(path):
        raise OutputError(
            f"{option} {path} is a named pipe; give the name of a file, or - for standard output"
        )
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


@contextmanager
def no_empty_folder(name: str | None) -> Generator[None, None, None]:
    """Removes the folder ``name`` at the end if it was made within and nothing was written into it."""
    is_new = name is not None and not _is_there(Path(name))
    try:
        yield
    finally:
        if name is not None and is_new and not Path(name).is_symlink():
            with suppress(OSError, ValueError):  # not a folder, not empty
                Path(name).rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none; what is not valid Unicode is escaped. Raises ``OutputError``."""
    data = text.encode("utf-8", "backslashreplace")
    with writing(path):
        if is_stdout(path):
            sys.stdout.flush()
            sys.stdout.write(data.decode())
            sys.stdout.flush()
        elif is_device(path):
            _send(path, data)
        else:
            write_atomically(path, data)


def is_stdout(path: Path) -> bool:
    """Whether ``path`` means standard output."""
    return str(path) in ("-", "/dev/stdout")


def is_device(path: Path) -> bool:
    """Whether ``path`` exists and is neither file nor folder, like ``/dev/null``."""
    return path.exists() and not path.is_file() and not path.is_dir()


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
    return fits(path.name, source) if is_pattern(source) else path.suffix.lower() in READABLE_PICTURES


def _named(read: Iterable[Path]) -> list[tuple[str, Path]]:
    """The inputs that are there, each with what it is called in messages."""
    return [(f"the input {path}", path) for path in read if _is_there(path)]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _is_descriptor(path: Path) -> bool:
    """Whether ``path`` is a pipe that is open already, as ``>(…)`` of a shell."""
    return path.is_relative_to("/dev") or path.is_relative_to("/proc")


def _send(path: Path, data: bytes) -> None:
    """Write to a device or pipe; opened without waiting for a reader, which would never end."""
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    if hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _real(path: Path) -> str:
    try:
        return os.path.normcase(os.path.realpath(path))
    except ValueError:  # a name that no file can have
        return str(path)


def _identity(path: Path) -> object:
    """The same for all names of one file."""
    if is_stdout(path):
        return "standard output"
    try:
        state = path.stat()
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path)) if "\0" not in str(path) else path
    return state.st_dev, state.st_ino
