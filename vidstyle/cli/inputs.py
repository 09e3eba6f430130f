"""What the inputs of a command stand for: clips, folders of clips, pictures; and where results go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vidstyle.errors import InputError, OptionError, OutputError
from vidstyle.options import WriteOptions
from vidstyle.video.writing.target import default_target

_CLIPS = frozenset(  # what counts as a clip in a folder; given by itself, any file may be one
    """.3g2 .3gp .asf .avi .divx .dv .f4v .flv .gif .ivf .m2t .m2ts .m2v .m4v .mjpeg .mjpg .mkv .mov .mp4
    .mpeg .mpg .mts .mxf .nut .obu .ogm .ogv .qt .rm .rmvb .ts .vob .webm .wmv .wtv .y4m""".split()  # noqa: SIM905
)


def expand(inputs: Sequence[str], style: str, write: WriteOptions) -> list[str]:
    """The sources behind ``inputs``: a folder with clips stands for each of them, any other for itself.

    What an earlier run in this ``style`` wrote into the folder is no source.
    """
    sources: list[str] = []
    for given in inputs:
        clips = _clips_of(Path(given))
        results = {default_target(clip, style, write) for clip in clips}
        results |= {_told_apart(default_target(clip, style, write), clip) for clip in clips}
        sources += [str(clip) for clip in clips if clip not in results] or [given]
    return sources


def _clips_of(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    try:
        files = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    except OSError as error:
        raise InputError(f"{folder} cannot be listed: {error.strerror or error}") from error
    return [path for path in files if path.suffix.lower() in _CLIPS]


def targets(sources: Sequence[str], output: str | None, style: str, write: WriteOptions) -> list[Path]:
    """Where the result of each source goes.

    Raises ``OptionError`` if several results would get one name, or ``output`` names a file for several.
    """
    defaults = [default_target(Path(source), style, write) for source in sources]
    if output is None:
        found = defaults
    elif len(sources) == 1 and not _is_folder(output, write):
        found = [Path(output)]
    else:
        folder = _made(Path(output), len(sources))
        found = [folder / default.name for default in defaults]
    names = Counter(found)
    apart = [_told_apart(target, Path(source)) for source, target in zip(sources, found, strict=True)]
    if len(set(apart)) == len(apart):  # a.avi beside a.mp4
        found = [other if names[target] > 1 else target for target, other in zip(found, apart, strict=True)]
    for target, count in Counter(found).items():
        if count > 1:
            given = [source for source, path in zip(sources, found, strict=True) if path == target]
            raise OptionError(f"{' and '.join(given)} would all be written to {target}; run them one by one")
    return found


def _told_apart(target: Path, source: Path) -> Path:
    """``target`` with the kind of its source in its name."""
    kind = source.suffix.lower().lstrip(".")
    return target.with_name(f"{target.stem}_{kind}{target.suffix}") if kind else target


def _is_folder(output: str, write: WriteOptions) -> bool:
    """Whether a result goes into ``output`` under its default name (a folder of pictures *is* a result)."""
    is_named_so = output.endswith(("/", os.sep))
    return write.codec != "png" and (is_named_so or Path(output).is_dir())


def _made(folder: Path, count: int) -> Path:
    """``folder``, made if only it is missing."""
    if folder.is_dir():
        return folder
    if folder.exists() or folder.suffix.lower() in _CLIPS:
        raise OutputError(f"--output {folder} must be a folder for the results of {count} inputs")
    try:
        folder.mkdir()
    except FileNotFoundError:
        raise OutputError(f"no folder {folder.parent}; make it first, or write elsewhere") from None
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror or error}") from error
    return folder
