"""Names that are made from others: of results, and of files that are not yet whole."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from vidstyle.patterns import folder_of, is_pattern

LONGEST = 255  # bytes in a file's name, on every common file system


def name_beside(source: Path, word: str, extension: str = "") -> Path:
    """``<source>_<word><extension>`` beside a file, or beside the folder of a sequence of pictures.

    ``word`` may be anything; what no file's name can hold becomes a dash.
    """
    if is_pattern(source):
        folder = folder_of(source)
        # a pattern (shot_%04d.png, shot_*.png) names many files: its result has a plain name
        stem = re.sub(r"[_.-]*(%\d*d|[*?]|\[[^]]*\])+[_.-]*", "", source.stem) or folder.name or "result"
        place = folder.parent
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
    """``stem`` and ``ending``, the stem cut to what a file system takes and told apart from others so cut."""
    if _size(stem + ending) <= LONGEST:
        return stem + ending
    ending = f"~{zlib.crc32(_encoded(stem)):08x}{ending}"
    while stem and _size(stem + ending) > LONGEST:
        stem = stem[:-1]
    return stem + ending


def is_too_long(name: str) -> bool:
    """Whether a file system refuses ``name`` for its length."""
    return _size(name) > LONGEST


def _size(name: str) -> int:
    return len(_encoded(name))


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")  # names need not be valid text
