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
from vidstyle.file_suffixes import CLIPS, READABLE_PICTURES
from vidstyle.options import WriteOptions
from vidstyle.patterns import files_of, is_pattern, listed, varies_in_folder
from vidstyle.styles.pictures import bundled_styles
from vidstyle.video.containers import CONTAINERS
from vidstyle.video.reading.provenance import is_result
from vidstyle.video.writing.codecs import codec_of
from vidstyle.video.writing.pipe_output import is_stream, target_name
from vidstyle.video.writing.target import default_target

log = logging.getLogger(__name__)


def expand(inputs: Sequence[str], style: str, write: WriteOptions) -> list[str]:
    """The sources of ``inputs``: the clips of a folder or pattern of clips, other inputs unchanged.

    Results that earlier runs wrote into the folder are left out.
    """
    _refuse_loose_pictures(inputs)
    sources: list[str] = []
    for name in inputs:
        path = Path(name)
        clips = _clips_of(path)
        results = {default_target(clip, style, write) for clip in clips}
        results |= {_with_source_extension(default_target(clip, style, write), clip) for clip in clips}
        names = _source_names(clips)
        results |= {
            clip for clip in clips if clip not in results and _is_earlier_result(clip, names[clip.parent])
        }
        left_out = [clip.name for clip in clips if clip in results]
        if left_out:
            more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
            log.warning("%s: left out results of earlier runs: %s%s", name, left_out[0], more)
        sources += [str(clip) for clip in clips if clip not in results] or [name]
    return sources


def expand_clips(inputs: Sequence[str]) -> list[str]:
    """``inputs`` with each pattern replaced by its clips, for shells that do not expand patterns."""
    return [name for item in inputs for name in _pattern_files(item, CLIPS) or [item]]


def expand_pictures(inputs: Sequence[str]) -> list[str]:
    """``inputs`` with each pattern replaced by its pictures."""
    return [name for item in inputs for name in _pattern_files(item, READABLE_PICTURES) or [item]]


def _pattern_files(name: str, extensions: Sequence[str]) -> list[str]:
    """The files that match the pattern ``name``, of these ``extensions``, sorted; [] if it is no pattern."""
    path = Path(name)
    if not is_pattern(path) or not (path.parent.is_dir() or varies_in_folder(path)):
        return []
    return [str(file) for file in sorted(files_of(path)) if file.suffix.lower() in extensions]


def _refuse_loose_pictures(inputs: Sequence[str]) -> None:
    """Raise ``InputError`` for several picture files: probably a pattern that the shell has expanded."""
    pictures = [path for path in map(Path, inputs) if path.suffix.lower() in READABLE_PICTURES]
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
        return [Path(name) for name in _pattern_files(str(path), CLIPS)]
    return [file for file in sorted(listed(path)) if file.suffix.lower() in CLIPS]


def _is_earlier_result(clip: Path, names: set[str]) -> bool:
    """Whether ``clip`` is called ``<name>_<style>`` with one of ``names``, and its tags name vidstyle."""
    container = CONTAINERS.get(clip.suffix.lower())
    if container is not None and container.is_animation:  # which holds no tags
        results = (fitted(f"{name}_{style}", clip.suffix) for name in names for style in bundled_styles())
        return clip.name in results
    cut = shortened(clip.stem)
    has_result_name = any(
        clip.stem.startswith(f"{name}_")
        or (cut is not None and f"{name}_".startswith(cut) and shortened(name) != cut)
        for name in names
    )
    return has_result_name and is_result(clip)


def _source_names(clips: Sequence[Path]) -> dict[Path, set[str]]:
    """For each folder of ``clips``, the names with which results in it begin: of clips and folders."""
    names: dict[Path, set[str]] = {}
    for clip in clips:
        folder = clip.parent
        if folder not in names:
            names[folder] = {item.name for item in folder.iterdir() if item.is_dir()}
            names[folder] |= {name} if (name := folder.resolve().name) else set()
        names[folder].add(clip.stem)
    return names


def targets(sources: Sequence[str], output: str | None, style: str, write: WriteOptions) -> list[Path]:
    """The path of each source's result.

    Raises ``OptionError`` if results would get the same name, or ``output`` is one file for several sources.
    """
    defaults = [default_target(Path(source), style, write) for source in sources]
    if output is None:
        paths = defaults
    elif is_stream(Path(output)):
        if len(sources) > 1:
            raise OptionError(
                f"{target_name(Path(output))} takes one result, not those of {len(sources)} inputs; "
                "give one input, or a folder as --output"
            )
        paths = [Path(output)]
    elif len(sources) == 1 and not _is_folder(output, write):
        paths = [Path(output)]
    else:
        folder = _make_folder(Path(output), len(sources))
        paths = [folder / default.name for default in defaults]
    counts = Counter(paths)
    longer = [_with_source_extension(path, Path(source)) for source, path in zip(sources, paths, strict=True)]
    if len(set(longer)) == len(longer):  # a.avi beside a.mp4
        paths = [other if counts[path] > 1 else path for path, other in zip(paths, longer, strict=True)]
    for target, count in Counter(paths).items():
        if count > 1:
            same = [source for source, path in zip(sources, paths, strict=True) if path == target]
            raise OptionError(f"{' and '.join(same)} would all be written to {target}; run them one by one")
    return paths


def _with_source_extension(target: Path, source: Path) -> Path:
    """``target`` with its source's extension added to its name: ``a_waves.mp4`` -> ``a_waves_avi.mp4``."""
    extension = source.suffix.lower().lstrip(".")
    return target.with_name(fitted(f"{target.stem}_{extension}", target.suffix)) if extension else target


def _is_folder(output: str, write: WriteOptions) -> bool:
    """Whether ``output`` is a folder for results; with ``--codec png`` a folder is itself a result."""
    ends_as_folder = output.endswith(("/", os.sep))
    makes_folder = write.codec is not None and codec_of(write.codec).is_folder
    return not makes_folder and (ends_as_folder or Path(output).is_dir())


def _make_folder(folder: Path, count: int) -> Path:
    """``folder``, created if its parent exists; raises ``OutputError``."""
    if folder.is_dir():
        return folder
    if folder.exists() or folder.suffix.lower() in CLIPS:
        raise OutputError(f"--output {folder} must be a folder for the results of {count} inputs")
    try:
        folder.mkdir()
    except FileNotFoundError:
        raise OutputError(f"no folder {folder.parent}; make it first, or write elsewhere") from None
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror or error}") from error
    return folder
