"""Project files: all that was set for a run, as JSON, with paths from the file's own folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path

from vidstyle.atomic_write import check_overwrite, write_atomically
from vidstyle.errors import InputError, OptionError, OutputError, suggestion
from vidstyle.options import PaintOptions, ReadOptions, SegmentOptions, SteadyOptions, WriteOptions
from vidstyle.options.checked_fields import value_of

VERSION = 1
_NAME = "vidstyle_project"
_ENTRIES = (_NAME, "clip", "styles", "output", "options")
_OPTIONS = {
    item.name: item
    for record in (PaintOptions, SteadyOptions, ReadOptions, WriteOptions, SegmentOptions)
    for item in fields(record)
}
_PATHS = ("mask", "style_track", "weights", "style_cache", "work_dir")
_EXAMPLE = f'{{"{_NAME}": {VERSION}, "clip": "clip.mp4", "styles": ["waves"], "options": {{}}}}'


@dataclass(frozen=True, slots=True)
class Project:
    """A run: its clip, its styles and its options."""

    clip: Path
    styles: tuple[str, ...] = ()
    """Pictures or bundled names; none if a style track is among the options."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Options that differ from their defaults, as ``stylize_video`` takes them."""
    output: Path | None = None
    """The result; None: named after the clip."""


def load_project(path: str | Path) -> Project:
    """The project in the file ``path``; relative paths in it count from its folder.

    Raises ``InputError`` for a file that is no project, and for an entry that is unknown or missing, and
    ``OptionError`` for a value that an option does not take.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read the project {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # of the encoding, of JSON, of numbers with many digits
        raise InputError(f"{path} is not a project: JSON like {_EXAMPLE}") from error
    if not isinstance(data, dict) or _NAME not in data:
        raise InputError(f'{path} is not a project: the entry "{_NAME}" is missing in JSON like {_EXAMPLE}')
    version = data[_NAME]
    if version != VERSION:
        raise InputError(f"{path} is a project of version {version!r}, and this vidstyle reads {VERSION}")
    for name in data:
        if name not in _ENTRIES:
            raise InputError(f'{path} has an unknown entry "{name}"; {suggestion(name, _ENTRIES)}')
    clip, styles, output = data.get("clip"), data.get("styles", []), data.get("output")
    if not isinstance(clip, str) or not clip:
        raise InputError(f'{path}: the entry "clip" must be the path of a clip, got {clip!r}')
    if not isinstance(styles, list) or not all(isinstance(style, str) and style for style in styles):
        raise InputError(f'{path}: the entry "styles" must be a list of pictures or names, got {styles!r}')
    if output is not None and not (isinstance(output, str) and output):
        raise InputError(f'{path}: the entry "output" must be the path of the result, got {output!r}')
    given = data.get("options", {})
    if not isinstance(given, dict):
        raise InputError(f'{path}: the entry "options" must hold options by name, got {given!r}')
    folder = path.parent
    return Project(
        folder / clip,
        tuple(_style(style, folder) for style in styles),
        {name: _value(path, name, value, folder) for name, value in given.items()},
        None if output is None else folder / output,
    )


def save_project(path: str | Path, project: Project, *, overwrite: bool = False) -> None:
    """Write ``project`` to ``path``; paths of files in its folder become relative, others absolute.

    Raises ``OptionError`` for an option that no run has, or whose value is an object, and ``OutputError`` if
    the file is there already, or cannot be written.
    """
    path = Path(path)
    folder = path.parent.absolute()

    def place(name: str | Path) -> str:
        absolute = Path(name).absolute()
        return (absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute).as_posix()

    def style_place(name: str) -> str:
        return place(name) if Path(name).is_file() else name

    options = {name: _plain(name, value, place, style_place) for name, value in project.options.items()}
    content: dict[str, object] = {_NAME: VERSION, "clip": place(project.clip)}
    content["styles"] = [style_place(style) for style in project.styles]
    if project.output is not None:
        content["output"] = place(project.output)
    check_overwrite(path, overwrite=overwrite)
    text = json.dumps({**content, "options": options}, indent=2, ensure_ascii=False)
    try:
        write_atomically(path, (text + "\n").encode())
    except OSError as error:
        raise OutputError(f"the project could not be written to {path}: {error.strerror or error}") from error


def _style(name: str, folder: Path) -> str:
    """A picture's path, or the name of a bundled style, which is no file: it has no suffix and no folder."""
    path = folder / name
    is_path = path.is_file() or path.suffix or len(Path(name).parts) > 1
    return str(path) if is_path else name


def _value(path: Path, name: str, value: object, folder: Path) -> object:
    """The checked value of an option; paths from ``folder``."""
    item = _OPTIONS.get(name)
    if item is None:
        raise InputError(f'{path} has an unknown option "{name}"; {suggestion(name, _OPTIONS)}')
    if name in _PATHS and isinstance(value, str) and value:
        value = folder / value
    if isinstance(value, list) and name in ("layer", "engine_option", "encoder_options"):
        value = [tuple(pair) if isinstance(pair, list) else pair for pair in value]
    try:
        checked = value_of(item, value)
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from None
    if name == "layer":
        return tuple((_style(style, folder), folder / mask) for style, mask in checked)
    return checked


def _plain(
    name: str, value: object, place: Callable[[str | Path], str], style_place: Callable[[str], str]
) -> object:
    """An option's ``value`` in JSON's types."""
    item = _OPTIONS.get(name)
    if item is None:
        raise OptionError(f"no option named {name!r}; {suggestion(name, _OPTIONS)}")
    checked = value_of(item, value)
    if name == "layer":
        return [[style_place(style), place(mask)] for style, mask in checked]
    return _json(name, checked, place)


def _json(name: str, value: object, place: Callable[[str | Path], str]) -> object:
    if isinstance(value, Path):
        return place(value)
    if isinstance(value, Fraction):
        number = float(value)
        return number if Fraction(str(number)) == value else str(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json(name, part, place) for part in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise OptionError(f"a project keeps {name} by name, and not as an object, got {value!r}")
