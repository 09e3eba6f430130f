"""Projects of the page: all that is set and brushed, in a ZIP file, with a project file for a run."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from vidstyle.errors import InputError
from vidstyle.pipeline.report import Progress
from vidstyle.project import Project, save_project
from vidstyle.server.mask_clips import Values
from vidstyle.server.masks import LAYERS
from vidstyle.server.session import TRACK, Clip, Session, numbered
from vidstyle.server.settings import Settings, settings_of
from vidstyle.server.stills import SHOWN_WIDTH, shown_size, time_of
from vidstyle.server.style_dots import track_text

PROJECT_LIMIT = 500_000_000  # bytes, of the files in a project too
_PAGE, _PROJECT = "page.json", "project.json"
_VERSION = 1
_MOST_FILES = 1000
_BROKEN = (
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What a file raises that is no project, or damaged; ``RuntimeError``: encrypted, or packed unusually."""
_BRUSHED = re.compile(r"brushed/(\d)-(\d+(?:\.\d+)?)\.png")


def save_page_project(
    session: Session, clip: Clip, message: object, on_frame: Callable[[Progress], bool]
) -> Path:
    """Write all that is set for ``clip`` to a ZIP file in the session's folder; takes its time.

    ``project.json`` in it is for ``vidstyle run --project``, beside the clip; ``page.json`` and the masks as
    they were brushed are for the page. Raises a ``VidstyleError``.
    """
    settings = settings_of(message)
    folder = session.place("project").parent
    names = {}
    for style in session.chosen(settings):
        if style.is_bundled:
            names[style.id] = style.name
        else:
            # not as the clip beside them, nor as a bundled style, which would be painted instead
            names[style.id] = _free_name(style.name, {clip.name, TRACK, *session.styles, *names.values()})
            shutil.copyfile(style.path, folder / names[style.id])
    options: dict[str, object] = dict(settings.keywords)
    if settings.track:
        track = folder / TRACK
        track.write_text(track_text(settings.track, names.__getitem__), encoding="utf-8")
        options["style_track"] = track
    options |= _masks(session, clip, settings, folder, names, on_frame)
    words = () if settings.track else tuple(_word(folder, names[name]) for name in settings.styles)
    save_project(folder / _PROJECT, Project(folder / clip.name, words, options))
    page = {"vidstyle_page": _VERSION, "settings": _renamed(message, names.__getitem__)}
    (folder / _PAGE).write_text(json.dumps(page, indent=1), encoding="utf-8")
    for layer, time, values in session.masks.brushed_frames(clip.id):
        place = folder / "brushed" / f"{layer}-{float(time):.4f}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(values).save(place)
    target = session.place(f"{Path(clip.name).stem}_project.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder))
    shutil.rmtree(folder, ignore_errors=True)
    return target


def open_page_project(session: Session, clip: Clip, path: Path) -> dict[str, object]:
    """Take what the ZIP file at ``path`` holds for ``clip``: its masks and styles; returns the settings.

    Raises ``InputError`` for a file that is no project of the page, or of a clip of another size.
    """
    try:
        with zipfile.ZipFile(path) as file:
            infos = {info.filename: info for info in file.infolist()}
            if len(infos) > _MOST_FILES or sum(info.file_size for info in infos.values()) > PROJECT_LIMIT:
                raise InputError(f"{path.name} is too large for a project of the page")
            page = json.loads(file.read(_PAGE))
            if page.get("vidstyle_page") != _VERSION:
                raise KeyError(_PAGE)
            masks = _read_masks(file, clip)
            ids: dict[str, str] = {}

            def id_of(name: str) -> str:
                if name not in session.styles and name not in ids:
                    place = session.place(name)
                    place.write_bytes(file.read(name))
                    ids[name] = session.add_style(place, name).id
                return ids.get(name, name)

            message = _renamed(page["settings"], id_of)
    except _BROKEN as error:
        raise InputError(f"{path.name} is not a project that the page has saved") from error
    settings_of(message)  # raises for what a changed file may hold
    session.layers.put(clip.id, message.get("layers", []))
    session.masks.replace(clip.id, clip.info, masks)
    return {"settings": message, "styles": [session.styles[each].to_json() for each in ids.values()]}


def _masks(
    session: Session,
    clip: Clip,
    settings: Settings,
    folder: Path,
    names: Mapping[str, str],
    on_frame: Callable[[Progress], bool],
) -> dict[str, object]:
    """The options that name mask clips, which are written to ``folder``."""
    options: dict[str, object] = {}
    layers = []
    for number in session.masked(clip, settings):
        brushed = session.masks.brushed(clip.id, number)
        if brushed is None:
            continue
        path = brushed.write(folder / session.mask_name(clip, number), on_frame)
        if number == 0:
            options["mask"] = path
        else:
            layers.append((_word(folder, names[settings.layers[number - 1].styles[0]]), path))
    return {**options, "layer": tuple(layers)} if layers else options


def _read_masks(file: zipfile.ZipFile, clip: Clip) -> dict[tuple[int, Fraction], Values]:
    size = shown_size(clip.info, SHOWN_WIDTH)
    masks: dict[tuple[int, Fraction], Values] = {}
    for name in file.namelist():
        found = _BRUSHED.fullmatch(name)
        if found is None or int(found[1]) >= LAYERS:
            continue
        masks[int(found[1]), time_of(found[2])] = _read_mask(file.read(name), size, clip)
    return masks


def _read_mask(data: bytes, size: tuple[int, int], clip: Clip) -> Values:
    """A mask of ``size`` (width, height, px); raises ``ValueError`` for what is no PNG file."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.size == size:
                return np.asarray(image.convert("L"), np.uint8)
            width, height = image.size
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("a mask cannot be read") from error
    raise InputError(
        f"the project is of a clip whose masks have {width} x {height} px, and those of "
        f"{clip.name} have {size[0]} x {size[1]}; open that clip first"
    )


def _renamed(message: object, name_of: Callable[[str], str]) -> dict[str, object]:
    """The settings of the page with other words for styles."""

    def changed(value: object) -> object:
        if isinstance(value, list):
            return [changed(each) for each in value]
        if isinstance(value, dict):
            return {
                key: name_of(each) if key == "id" and isinstance(each, str) else changed(each)
                for key, each in value.items()
            }
        return value

    result = changed(message)
    if not isinstance(result, dict):
        raise TypeError("the settings are no object")
    return result


def _word(folder: Path, name: str) -> str:
    """How a style is written in a project: as a path if it is a file in its folder."""
    return str(folder / name) if (folder / name).is_file() else name


def _free_name(name: str, taken: Collection[str]) -> str:
    """``name`` with only plain characters, and with a number if it is ``taken`` or a file of a project."""
    plain = re.sub(r"[^\w.+ -]+", "-", name).lstrip(".-") or "style"
    return numbered(plain, {*taken, _PAGE, _PROJECT})
