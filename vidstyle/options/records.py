"""The option records of painting, one for each stage, with every default, help text and range.

The command line, the library's keywords and the docs read these records, and those of files in
``file_records.py``; field ``flow_size`` is ``--flow-size`` on the command line and ``flow_size=`` in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from vidstyle.errors import OptionError, suggestion
from vidstyle.options.checked_fields import Checked, option, part
from vidstyle.options.converters import (
    as_engine_options,
    as_integer,
    as_layers,
    as_number,
    as_numbers,
    as_path,
    as_segments,
    as_switch,
    as_workers,
    as_working_size,
)
from vidstyle.options.qualities import DEFAULT_QUALITY, QUALITIES
from vidstyle.registry import ENGINES, EXECUTORS, FLOWS, RUNTIMES, TEMPORAL

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class DetailOptions(Checked):
    """How much detail of the clip is added to a painting, including precomputed ones."""

    detail: float = option(
        0.5,
        "how much of small things that the painting lost, such as ropes and far walkers, comes back",
        low=0,
        high=1,
        metavar="X",
        parse=as_number,
    )


@dataclass(frozen=True, slots=True)
class CompositingOptions(DetailOptions):
    """How a painting, including a precomputed one, is shown over the clip."""

    strength: float = option(
        1.0, "0 is the clip, 1 the painting", low=0, high=1, metavar="X", parse=as_number
    )
    preserve_color: bool = option(False, "keep the clip's own colours", parse=as_switch)
    mask: Path | None = option(
        None, "picture or clip: white is painted, black is kept", metavar="FILE", parse=as_path
    )


@dataclass(frozen=True, slots=True)
class PaintOptions(CompositingOptions):
    """The engine, its style and device, and compositing."""

    strength: float = option(
        1.0,
        "0 is the clip, 1 the painting, up to 1.5 pushes the style further",
        low=0,
        high=1.5,
        metavar="X",
        parse=as_number,
    )
    quality: str = option(
        DEFAULT_QUALITY,
        "draft paints at half the size; high paints finer strokes in frames of more than 480 lines; "
        "best puts keyframes together from patches of the style, and carries them to the other frames",
        choices=tuple(QUALITIES),
    )
    engine: str | object | None = part(None, "the engine that paints, instead of --quality's", ENGINES)
    weights: Path | None = option(
        None, "weights for the engine instead of the bundled ones", metavar="FILE", parse=as_path
    )
    engine_option: tuple[tuple[str, object], ...] = option(
        (), "an option of the engine's own; may be repeated", metavar="KEY=VALUE", parse=as_engine_options
    )
    style_weights: tuple[float, ...] | None = option(
        None, "one weight for each --style (equal if not given)", metavar="W,W", parse=as_numbers
    )
    style_track: Path | None = option(
        None, "styles over time: a text (time style weight) or JSON file", metavar="FILE", parse=as_path
    )
    layer: tuple[tuple[str, Path], ...] = option(
        (),
        "another style, painted over --style where its mask, a picture or a clip, is white; may be repeated, "
        "the last one is on top",
        metavar="STYLE=MASK",
        parse=as_layers,
    )
    working_size: int | str | None = option(
        None,
        "short side at which strokes are painted (480, or 720 at --quality high or best; at most the source) "
        "or auto: so fine that --fps-target is held",
        metavar="PX",
        parse=as_working_size,
    )
    fps_target: float | None = option(
        None,
        "frames a second that --working-size auto holds (the clip's own rate if not given)",
        low=0.1,
        metavar="FPS",
        parse=as_number,
    )
    device: str = option("auto", "where to compute", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = option("auto", "number format of the network", choices=("auto", "fp32", "fp16", "bf16"))
    runtime: str | object = part(
        "auto",
        "what computes the network inside a shot: auto is openvino, if it is installed, on a CPU without "
        "bfloat16, and else torch",
        RUNTIMES,
        special=("auto",),
    )
    style_cache: Path | None = option(
        None, "keep style embeddings in this folder instead of vidstyle's cache", metavar="DIR", parse=as_path
    )

    def __post_init__(self) -> None:
        Checked.__post_init__(self)  # super() does not work in a dataclass with slots
        if self.fps_target is not None and not self.adapts_size:
            raise OptionError("--fps-target is held by --working-size auto; give both")

    @property
    def quality_engine(self) -> str:
        """The engine of the quality."""
        return QUALITIES[self.quality].engine

    @property
    def chosen_working_size(self) -> int:
        """The short side (px) at which strokes are painted at most, given or that of the quality."""
        given = self.working_size
        return given if isinstance(given, int) else QUALITIES[self.quality].working_size

    @property
    def adapts_size(self) -> bool:
        """Whether the size of the strokes follows the time that frames take."""
        return self.working_size == "auto"

    @property
    def largest_share(self) -> float:
        """Share of a frame's size that is painted at most: the quality's."""
        return QUALITIES[self.quality].largest_share


@dataclass(frozen=True, slots=True)
class SegmentOptions(Checked):
    """How a long film is painted in segments, which survive a crash and may be painted side by side."""

    segments: str | Fraction = option(
        "auto",
        "paint in segments of at most so many seconds, from which a stopped run goes on: auto (20, of "
        "clips of more than 60 s), off, or seconds",
        metavar="SECONDS",
        parse=as_segments,
    )
    workers: str = option(
        "1",
        "how many segments are painted side by side: a number of processes, ray[:ADDRESS] or dask:ADDRESS",
        metavar="N",
        parse=lambda value: as_workers(value, EXECUTORS),
    )
    resume: bool = option(
        False, "go on from an earlier run, which must be there (without: if it is there)", parse=as_switch
    )
    restart: bool = option(False, "begin anew, and remove what an earlier run has done", parse=as_switch)
    work_dir: Path | None = option(
        None,
        "folder for the work of runs that are not finished (beside the result if not given)",
        metavar="DIR",
        parse=as_path,
    )
    keep_work: bool = option(False, "keep the segments when the film is whole", parse=as_switch)


DEFAULT_CRF = 16.0
LARGEST_STYLE = 2048  # px, long side: larger style pictures do not change the result


@dataclass(frozen=True, slots=True)
class SteadyOptions(Checked):
    """The temporal method and its flow."""

    temporal: str | object = part(
        "map",
        "how frames are made to agree: paint map, classic blend, or not at all",
        TEMPORAL,
        special=("map", "none"),
    )
    flow: str | object = part(
        "auto", "motion: raft-small on a GPU and dis on a CPU, or by name", FLOWS, special=("auto", "none")
    )
    flow_size: int | None = option(
        None, "short side at which motion is estimated", low=16, metavar="PX", parse=as_integer
    )
    stability: float = option(
        1.0,
        "0 paints each frame alone, 1 is as steady as it gets",
        low=0,
        high=1,
        metavar="X",
        parse=as_number,
    )

    @property
    def is_steady(self) -> bool:
        """Whether a temporal method is used; any of three options can switch it off."""
        return self.temporal != "none" and self.flow != "none" and self.stability > 0

    @property
    def carries_keyframes(self) -> bool:
        """Whether an engine that paints keyframes paints only them, carried to the other frames."""
        return self.is_steady and self.temporal == SteadyOptions().temporal


@dataclass(frozen=True, slots=True)
class SheetOptions(Checked):
    """The contents of a contact sheet."""

    moments: int = option(
        4, "moments of the clip, evenly spread", low=1, high=100, metavar="N", parse=as_integer
    )
    cell: int = option(320, "width of each picture", low=32, high=4096, metavar="PX", parse=as_integer)


def make_record(record: type[R], keywords: Mapping[str, Any]) -> R:
    """A ``record`` from those ``keywords`` that are its fields; raises ``OptionError`` for invalid values."""
    return record(**select_keywords(keywords, record))


def select_keywords(keywords: Mapping[str, Any], *records: type[Any]) -> dict[str, Any]:
    """Those of ``keywords`` that are options of ``records``."""
    known = {item.name for record in records for item in fields(record)}
    return {name: value for name, value in keywords.items() if name in known}


def check_keywords(keywords: Mapping[str, Any], *records: type[Any], extra: tuple[str, ...] = ()) -> None:
    """Raise ``OptionError`` for a keyword that is neither an option of ``records`` nor one of ``extra``."""
    known = {*extra, *(item.name for record in records for item in fields(record))}
    for name in keywords:
        if name not in known:
            raise OptionError(f"no option named {name!r}; {suggestion(name, known)}")
