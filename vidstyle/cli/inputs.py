"""Expands a command's inputs (folders, patterns) to files, and determines the results' paths."""

from __future__ import annotations

import logging
import os
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vidstyle.derived_names import fitted, shortened
from vidstyle.errors import InputError, OptionError, OutputError
from vidstyle.options import WriteOptions
from vidstyle.patterns import files_of, is_pattern, listed, varies_in_folder
from vidstyle.styles.pictures import bundled_styles
from vidstyle.video.pictures.picture_opening import SUFFIXES as _PICTURES
from vidstyle.video.reading.provenance import is_result
from vidstyle.video.writing.codecs import codec_of
from vidstyle.video.writing.pipe_output import is_stream, name_of
from vidstyle.video.writing.target import default_target

log = logging.getLogger(__name__)

_CLIPS = frozenset(  # what counts as a clip in a folder; given by itself, any file may be one
    """.3g2 .3gp .asf .avi .divx .dv .f4v .flv .gif .ivf .m2t .m2ts .m2v .m4v .mjpeg .mjpg .mkv .mov .mp4
    .mpeg .mpg .mts .mxf .nut .obu .ogm .ogv .qt .rm .rmvb .ts .vob .webm .wmv .wtv .y4m""".split()  # noqa: SIM905
)


def expand(inputs: Sequence[str], style: str, write: WriteOptions) -> list[str]:
    """The sources of ``inputs``: the clips of a folder or pattern of clips, other inputs unchanged.

    What earlier runs wrote beside the clips of a folder is no source.
    """
    _refuse_loose_pictures(inputs)
    sources: list[str] = []
    for given in inputs:
        path = Path(given)
        clips = _clips_of(path)
        results = {default_target(clip, style, write) for clip in clips}
        results |= {_told_apart(default_target(clip, style, write), clip) for clip in clips}
        beside = _names_beside(clips)
        results |= {
            clip for clip in clips if clip not in results and _is_earlier_result(clip, beside[clip.parent])
        }
        left_out = [clip.name for clip in clips if clip in results]
        if left_out:
            more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
            log.warning("%s: left out results of earlier runs: %s%s", given, left_out[0], more)
        sources += [str(clip) for clip in clips if clip not in results] or [given]
    return sources


def expand_clips(inputs: Sequence[str]) -> list[str]:
    """``inputs`` with each pattern replaced by its clips, as not every shell does."""
    return [name for given in inputs for name in _of_pattern(given, _CLIPS) or [given]]


def expand_pictures(inputs: Sequence[str]) -> list[str]:
    """``inputs`` with each pattern replaced by its pictures."""
    return [name for given in inputs for name in _of_pattern(given, frozenset(_PICTURES)) or [given]]


def _of_pattern(given: str, kinds: frozenset[str]) -> list[str]:
    path = Path(given)
    if not is_pattern(path) or not (path.parent.is_dir() or varies_in_folder(path)):
        return []
    return [str(file) for file in sorted(files_of(path)) if file.suffix.lower() in kinds]


def _refuse_loose_pictures(inputs: Sequence[str]) -> None:
    """Raise ``InputError`` for several single pictures: probably a pattern that the shell has expanded."""
    pictures = [Path(given) for given in inputs if Path(given).suffix.lower() in _PICTURES]
    if len(pictures) > 1 and all(path.is_file() for path in pictures):
        first = pictures[0]
        pattern = first.with_name(f"*{first.suffix}")
        raise InputError(
            f"{first} and {len(pictures) - 1} more are single pictures; to paint them as one clip give their "
            f"folder, or their pattern in quotes: {shlex.quote(str(pattern))} (`vidstyle image` paints each)"
        )


def _clips_of(path: Path) -> list[Path]:
    """The clips of a folder or pattern."""
    if not path.is_dir():
        return [Path(name) for name in _of_pattern(str(path), _CLIPS)]
    return [file for file in sorted(listed(path)) if file.suffix.lower() in _CLIPS]


def _is_earlier_result(clip: Path, beside: set[str]) -> bool:
    """Whether ``clip`` is named ``<name>_<style>`` after a name ``beside`` it, and its tags name vidstyle."""
    if clip.suffix.lower() == ".gif":  # which holds no tags
        results = (fitted(f"{name}_{style}", clip.suffix) for name in beside for style in bundled_styles())
        return clip.name in results
    cut = shortened(clip.stem)
    named_so = any(
        clip.stem.startswith(f"{name}_")
        or (cut is not None and f"{name}_".startswith(cut) and shortened(name) != cut)
        for name in beside
    )
    return named_so and is_result(clip)


def _names_beside(clips: Sequence[Path]) -> dict[Path, set[str]]:
    """For each folder of ``clips`` what results in it may be called after: clips, folders, the folder."""
    found: dict[Path, set[str]] = {}
    for clip in clips:
        folder = clip.parent
        if folder not in found:
            found[folder] = {item.name for item in folder.iterdir() if item.is_dir()}
            found[folder] |= {name} if (name := folder.resolve().name) else set()
        found[folder].add(clip.stem)
    return found


def targets(sources: Sequence[str], output: str | None, style: str, write: WriteOptions) -> list[Path]:
    """Where the result of each source goes.

    Raises ``OptionError`` if several results would get one name, or ``output`` names a file for several.
    """
    defaults = [default_target(Path(source), style, write) for source in sources]
    if output is None:
        found = defaults
    elif is_stream(Path(output)):
        if len(sources) > 1:
            raise OptionError(
                f"{name_of(Path(output))} takes one result, not those of {len(sources)} inputs; "
                "give one input, or a folder as --output"
            )
        found = [Path(output)]
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
    """``target`` with its source's extension added to its name."""
    kind = source.suffix.lower().lstrip(".")
    return target.with_name(fitted(f"{target.stem}_{kind}", target.suffix)) if kind else target


def _is_folder(output: str, write: WriteOptions) -> bool:
    """Whether a result goes into ``output`` under its default name (a folder of pictures *is* a result)."""
    is_named_so = output.endswith(("/", os.sep))
    makes_folder = write.codec is not None and codec_of(write.codec).is_folder
    return not makes_folder and (is_named_so or Path(output).is_dir())


def _made(folder: Path, count: int) -> Path:
    """``folder``, created if its parent exists; raises ``OutputError``."""
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
