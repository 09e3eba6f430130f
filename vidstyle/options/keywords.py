"""All options as typed keyword arguments, for type checkers and editors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypedDict

Number = int | float | Fraction | str
File = str | os.PathLike[str]


class DetailKeywords(TypedDict, total=False):
    """How much detail of the clip is added (``options.DetailOptions``)."""

    detail: float


class CompositingKeywords(DetailKeywords, total=False):
    """How a painting is shown over the clip (``options.CompositingOptions``)."""

    strength: float
    preserve_color: bool
    mask: File | None


class ImageKeywords(CompositingKeywords, total=False):
    """Options of painting (``options.PaintOptions``), where values and defaults are documented."""

    quality: Literal["draft", "normal", "high", "best"]
    engine: str | object | None
    weights: File | None
    engine_option: Mapping[str, object] | Sequence[str]
    style_weights: Sequence[float] | str | None
    style_track: File | None
    layer: Mapping[str, File] | Iterable[str | tuple[str, File]]
    working_size: int | Literal["auto"] | None
    fps_target: float | None
    device: Literal["auto", "cpu", "cuda", "mps"]
    precision: Literal["auto", "fp32", "fp16", "bf16"]
    runtime: str | object
    style_cache: File | None


class SteadyKeywords(TypedDict, total=False):
    """Options of the temporal method (``options.SteadyOptions``)."""

    temporal: str | object
    flow: str | object
    flow_size: int | None
    stability: float


class FrameKeywords(ImageKeywords, SteadyKeywords, total=False):
    """Options of painting and of the temporal method."""


class StreamKeywords(FrameKeywords, total=False):
    """All keywords of ``stylize_frames``; ``rate`` is for arrays, which have no times.

    ``resume`` is the file of a state that an earlier call wrote to its ``save_state``.
    """

    rate: Number | None
    resume: str | Path | None
    save_state: str | Path | None


class ReadKeywords(TypedDict, total=False):
    """The part that is read, and how (``options.ReadOptions``)."""

    start: Number | None
    end: Number | None
    frames: int | None
    rate: Number | None
    size: str | tuple[int, int] | None
    hwaccel: Literal["none", "cuda", "d3d11va", "qsv", "vaapi", "videotoolbox"]
    hdr: Literal["tonemap", "refuse"]


class FileKeywords(ReadKeywords, total=False):
    """The part that is read, and how the result is written (``options.WriteOptions``)."""

    codec: str | None
    format: Literal["nut", "y4m", "raw"] | None
    crf: float | None
    bitrate: str | int | None
    preset: str
    encoder_options: Mapping[str, Any] | Iterable[str | tuple[str, str]]
    even: bool
    overwrite: bool


class SteadyFileKeywords(DetailKeywords, SteadyKeywords, FileKeywords, total=False):
    """All keywords of ``steady``."""


class PropagateKeywords(CompositingKeywords, FileKeywords, total=False):
    """All keywords of ``propagate``."""


class MaskKeywords(ReadKeywords, total=False):
    """All keywords of ``propagate_mask``: its options, and the part of the clip that is read."""

    elsewhere: float
    flow: str | object
    overwrite: bool


class SegmentKeywords(TypedDict, total=False):
    """How a long film is painted in segments (``options.SegmentOptions``)."""

    segments: Number
    workers: int | str
    resume: bool
    restart: bool
    work_dir: File | None
    keep_work: bool


class VideoKeywords(FrameKeywords, FileKeywords, SegmentKeywords, total=False):
    """All keywords of ``stylize_video``."""


class AdaptKeywords(ReadKeywords, total=False):
    """All keywords of ``adapt``: its options (``adaptation.settings``), and the part of clips read."""

    minutes: float
    steps: int | None
    engine: Literal["wct-slim", "wct-single-pass"] | None
    weights: File | None
    device: Literal["auto", "cpu", "cuda", "mps"]
    overwrite: bool


class SheetKeywords(ImageKeywords, total=False):
    """All keywords of ``make_sheet``: layout (``options.SheetOptions``), painting, part of the clip."""

    moments: int
    cell: int
    start: Number | None
    end: Number | None
    rate: Number | None
    size: str | tuple[int, int] | None
    hwaccel: Literal["none", "cuda", "d3d11va", "qsv", "vaapi", "videotoolbox"]
    hdr: Literal["tonemap", "refuse"]
