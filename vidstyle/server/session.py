"""What a session of the page holds: the clips and styles that were dropped, its painter and its jobs."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from filecmp import cmp
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from types import TracebackType

from vidstyle.device import own_process, set_threads, stream_threads
from vidstyle.errors import InputError, OutputError
from vidstyle.frames import VideoInfo
from vidstyle.pipeline.prefetch import side_thread
from vidstyle.pipeline.report import Progress
from vidstyle.server.clip_layers import ClipLayers
from vidstyle.server.cuts import ClipCuts
from vidstyle.server.jobs import Job, Jobs
from vidstyle.server.masks import Masks
from vidstyle.server.previews import Previews
from vidstyle.server.proxies import Proxies
from vidstyle.server.settings import Settings, command_of
from vidstyle.server.style_dots import part_of, track_text
from vidstyle.styles.pictures import bundled_styles, load
from vidstyle.video.reading.probe import probe

TRACK = "track.json"
"""How the style track of a command is called."""
_HEADER = 4096  # bytes at the beginning of a file that show what it is
_LONGEST_NAME = 100  # characters of a dropped file's name that are kept on the disk


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of the session."""

    id: str
    name: str
    """What the user calls it."""
    path: Path
    info: VideoInfo
    word: str
    """How it is written in a command."""
    is_dropped: bool = True

    def to_json(self) -> dict[str, object]:
        info = self.info
        step = 1 / info.rate if info.rate else None
        return {
            "id": self.id,
            "name": self.name,
            "width": round(info.width * float(info.pixel_aspect)),
            "height": info.height,
            "duration": None if info.duration is None else float(info.duration),
            "step": None if step is None else float(step),
            "frames": info.frames,
        }


@dataclass(frozen=True, slots=True)
class PageStyle:
    """A style that the page offers: a bundled one, or a picture that was dropped."""

    id: str
    name: str
    """No other one is called so."""
    path: Path
    is_bundled: bool = False
    dropped_as: str = ""
    """The name of the picture that was dropped."""

    @property
    def argument(self) -> str | Path:
        """What the library takes for it."""
        return self.name if self.is_bundled else self.path

    def to_json(self) -> dict[str, object]:
        return {"id": self.id, "name": self.name, "bundled": self.is_bundled}


class Session:
    """The state behind the page, shared by all its tabs; a context that ends all work and removes uploads.

    Args:
        results: an existing folder, into which results are written.
        clip: a clip to begin with, read where it is. Raises ``InputError`` if it cannot be.
    """

    def __init__(self, results: Path, clip: str | None = None) -> None:
        if not results.is_dir():
            raise OutputError(f"there is no folder {results} for results; make it first")
        given = None if clip is None else Clip("given", Path(clip).name, Path(clip), probe(clip), clip, False)
        own_process()
        set_threads(stream_threads())
        self.results = results
        self.folder = Path(tempfile.mkdtemp(prefix="vidstyle-page-"))
        self.clips: dict[str, Clip] = {} if given is None else {given.id: given}
        bundled = bundled_styles().items()
        self.styles = {name: PageStyle(name, name, path, is_bundled=True) for name, path in bundled}
        self.stopping = threading.Event()
        self.frames_thread = side_thread("frames")
        """Reads frames and pictures, one after the other."""
        self.previews = Previews(self.stopping)
        self.cuts = ClipCuts(self.stopping)
        self.masks = Masks(self.folder, self.stopping)
        self.layers = ClipLayers()
        self.looked_at: Mapping[str, object] = {}
        """The newest look of all tabs: clip, time and what was set, with which a new tab begins."""
        self.proxies = Proxies(self.folder, self.stopping)
        self.jobs = Jobs(results, self.stopping)
        self._numbers = count(1)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self.jobs.close()
        self.previews.close()
        self.masks.close()
        self.cuts.close()
        self.proxies.close()
        self.frames_thread.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, name: str) -> Path:
        """A path for a dropped file in a new folder of its own; only the last part of ``name`` is used."""
        folder = self.folder / str(next(self._numbers))
        folder.mkdir()
        plain = re.sub(r'[\\:*?"<>|%\[\]\x00-\x1f]+', "-", name.replace("\\", "/").rpartition("/")[2])
        path = Path(plain.strip(" ").lstrip(".-") or "dropped")
        suffix = path.suffix[:_LONGEST_NAME]
        return folder / f"{path.stem[: _LONGEST_NAME - len(suffix)]}{suffix}"

    def add_clip(self, path: Path, name: str) -> Clip:
        """A clip that was written to a ``place``; raises ``InputError`` if it cannot be read."""
        _check_is_no_list(path)
        clip = Clip(f"clip{path.parent.name}", name, path, probe(path), name)
        self.clips[clip.id] = clip
        return clip

    def add_style(self, path: Path, name: str) -> PageStyle:
        """A style picture that was written to a ``place``; raises ``InputError`` if it cannot be read.

        One that was dropped before is that style; another one of the same name gets a number. An equals sign
        becomes a hyphen: ``--layer STYLE=MASK`` would be read otherwise.
        """
        load(path)
        for known in self.styles.values():
            if known.dropped_as == name and cmp(known.path, path, shallow=False):
                return known
        free = numbered(name.replace("=", "-"), {TRACK, *(style.name for style in self.styles.values())})
        style = PageStyle(f"style{path.parent.name}", free, path, dropped_as=name)
        self.styles[style.id] = style
        return style

    def clip(self, name: object) -> Clip:
        """The clip with this identifier; raises ``InputError``."""
        clip = self.clips.get(name) if isinstance(name, str) else None
        if clip is None:
            raise InputError("that clip is not in this session; drop it again")
        return clip

    def chosen(self, settings: Settings) -> list[PageStyle]:
        """The styles of ``settings``, each once; raises ``InputError`` for one that is not there."""
        return self.known_styles(
            (*settings.styles, *(each for layer in settings.layers for each in layer.styles))
        )

    def known_styles(self, names: Iterable[str]) -> list[PageStyle]:
        """The styles with these identifiers, each once; raises ``InputError`` for one that is not there."""
        names = dict.fromkeys(names)
        unknown = [name for name in names if name not in self.styles]
        if unknown:
            raise InputError(f"the style {unknown[0]!r} is not in this session; drop its picture again")
        return [self.styles[name] for name in names]

    def styling(
        self, clip: Clip, settings: Settings, part: tuple[Fraction, Fraction] | None = None
    ) -> tuple[tuple[str | Path, ...], dict[str, object]]:
        """Styles and options as the library takes them, for ``clip`` or a ``part``: begin and length in s."""
        chosen = {style.id: style.argument for style in self.chosen(settings)}
        keywords: dict[str, object] = dict(settings.keywords)
        if not settings.track:
            return tuple(chosen[name] for name in settings.styles), keywords
        dots = settings.track if part is None else part_of(settings.track, *part)
        file = self.place(TRACK)
        file.write_text(track_text(dots, lambda name: str(chosen[name])), encoding="utf-8")
        return (), {**keywords, "style_track": file}

    def command(self, clip: Clip, settings: Settings) -> dict[str, object]:
        """The command line for ``settings``, and the files that it expects in the current folder.

        ``needs`` are the names of dropped files, ``files`` the texts by name of those that are made here.
        """
        styles = self.chosen(settings)
        names = {style.id: style.name for style in styles}
        needs = [clip.name] if clip.is_dropped else []
        needs += [_needed(style) for style in styles if not style.is_bundled]
        files, flags = dict[str, str](), list[tuple[str, str]]()
        if settings.track:
            files[TRACK] = track_text(settings.track, names.__getitem__)
            flags.append(("--style-track", TRACK))
        masks = [self.mask_name(clip, number) for number in self.masked(clip, settings)]
        for number, mask in zip(self.masked(clip, settings), masks, strict=True):
            word = f"{names[settings.layers[number - 1].styles[0]]}={mask}" if number else mask
            flags.append(("--layer" if number else "--mask", word))
        line = command_of(clip.word, [names[each] for each in settings.styles], settings, flags)
        return {"command": line, "needs": [*needs, *files, *masks], "files": files}

    def masked(self, clip: Clip, settings: Settings) -> list[int]:
        """The layers of ``settings`` in which something is brushed."""
        count = 1 + len(settings.layers)
        return [number for number in range(count) if self.masks.brushed(clip.id, number) is not None]

    def add_job(self, clip: Clip, settings: Settings) -> Job:
        """Queue a run of ``clip``."""
        styles, keywords = self.styling(clip, settings)
        # as they are now, whatever is brushed while the job waits
        masks = {number: self.masks.brushed(clip.id, number) for number in self.masked(clip, settings)}

        def prepare(on_frame: Callable[[Progress], bool]) -> Mapping[str, object]:
            written = {
                number: brushed.write(self.place(self.mask_name(clip, number)), on_frame)
                for number, brushed in masks.items()
                if brushed is not None
            }
            return self._as_options(settings, written)

        return self.jobs.add(
            clip=clip.name,
            source=clip.path,
            styles=styles,
            style_names=tuple(style.name for style in self.chosen(settings)),
            keywords=keywords,
            prepare=prepare,
            command=str(self.command(clip, settings)["command"]),
        )

    def part_files(
        self, clip: Clip, settings: Settings, begin: Fraction, length: Fraction
    ) -> Mapping[str, object]:
        """The files that painting a part (s) of a clip needs, as options; makes them."""
        masks = {
            number: self.masks.of_part(clip.id, number, begin, length)
            for number in self.masked(clip, settings)
        }
        return self._as_options(settings, {number: path for number, path in masks.items() if path})

    def _as_options(self, settings: Settings, masks: Mapping[int, Path]) -> Mapping[str, object]:
        """The options that name mask clips, by the number of the layer."""
        options: dict[str, object] = {"mask": masks[0]} if 0 in masks else {}
        upper = [
            (str(self.styles[layer.styles[0]].argument), masks[number])
            for number, layer in enumerate(settings.layers, 1)
            if number in masks
        ]
        return {**options, "layer": upper} if upper else options

    def mask_name(self, clip: Clip, layer: int) -> str:
        """How the mask clip of a layer is called when it is saved."""
        number = "" if layer == 0 else f"_{layer + 1}"
        return f"{Path(clip.name).stem}_mask{number}.mkv"

    def plain_message(self, error: BaseException) -> str:
        """The message of an error, in which dropped files have the names that the user knows."""
        return re.sub(rf"{re.escape(str(self.folder))}[/\\]+\d+[/\\]+", "", str(error))

    def to_json(self) -> Mapping[str, object]:
        """The clips, styles and jobs, for a page that opens."""
        clips: Sequence[Clip] = list(self.clips.values())
        return {
            "clips": [clip.to_json() for clip in clips],
            "styles": [style.to_json() for style in self.styles.values()],
            "jobs": self.jobs.to_json(),
            "layers": self.layers.to_json(),
            "looked_at": self.looked_at,
            "results": str(self.results.resolve()),
        }


def numbered(name: str, taken: Collection[str]) -> str:
    """``name``, with a number if a file of that name is ``taken``; upper and lower case are the same."""
    path, others = Path(name), {each.lower() for each in taken}
    names = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
    return next(free for free in chain([name], names) if free.lower() not in others)


def _needed(style: PageStyle) -> str:
    is_renamed = style.name != style.dropped_as
    return f"{style.name} (which was dropped as {style.dropped_as})" if is_renamed else style.name


def _check_is_no_list(path: Path) -> None:
    """Raise ``InputError`` for a playlist, with which FFmpeg would open other files of this machine."""
    with path.open("rb") as file:
        begin = file.read(_HEADER).lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith((b"#EXTM3U", b"ffconcat", b"[playlist]")) or b"<MPD" in begin or b"<smil" in begin:
        raise InputError(f"{path.name} is a list of other files; drop a video instead")
