"""Names of results and of temporary files, derived from the names of others."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from vidstyle.patterns import folder_of, is_pattern, varies_in_folder

LONGEST = 255  # bytes in a file's name, on every common file system


def name_beside(source: Path, word: str, extension: str = "") -> Path:
    """``<source>_<word><extension>`` beside a file, or beside the folder of a sequence of pictures.

    Characters of ``word`` that file systems refuse become dashes.
    """
    if is_pattern(source):
        folder = folder_of(source)
        # a pattern (shot_%04d.png, shot_*.png) names many files: its result has a plain name
        stem = re.sub(r"[_.-]*(%\d*d|[*?]|\[[^]]*\])+[_.-]*", "", source.stem) or folder.name or "result"
        place = folder if varies_in_folder(source) else folder.parent
    elif str(source) == "-" or source.is_relative_to("/dev") or source.is_relative_to("/proc"):
        stem, place = "stdin", Path()
    elif source.is_dir():
        folder = source if source.name not in ("", "..") else source.resolve()
        stem, place = folder.name or "result", folder.parent
    else:
        stem, place = source.stem, source.parent
    plain = re.sub(r'[\\/:*?"<>|\x00-\x1f]+', "-", word).strip(" .") or "styled"
    return place / fitted(f"{stem}_{plain}", extension)


def fitted(stem: str, ending: str) -> str:
    """``stem`` and ``ending``; a stem too long for a file system is cut, and a checksum of it inserted."""
    if _size(stem + ending) <= LONGEST:
        return stem + ending
    ending = f"~{zlib.crc32(_encoded(stem)):08x}{ending}"
    while stem and _size(stem + ending) > LONGEST:
        stem = stem[:-1]
    return stem + ending


def shortened(stem: str) -> str | None:
    """What ``fitted`` left of a name that ``stem`` was made from; None if it did not shorten it."""
    cut = re.fullmatch(r"(.+?)(~[0-9a-f]{0,8}(_\w*)?)?~[0-9a-f]{8}", stem)
    return cut[1] if cut is not None and _size(stem) > LONGEST - 32 else None


def is_too_long(name: str) -> bool:
    """Whether a file system refuses ``name`` for its length."""
    return _size(name) > LONGEST


def _size(name: str) -> int:
    return len(_encoded(name))


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")  # names need not be valid text
