"""All options, one frozen record a stage: every default, help text and range is written once, here.

The command line, the library's keywords and the docs read these records; field ``flow_size`` is
``--flow-size`` on the command line and ``flow_size=`` in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from vidstyle.errors import OptionError, suggestion

R = TypeVar("R")


def _option(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
    metavar: str | None = None,
) -> Any:
    """A field with what the command line shows of it; ``low`` and ``high`` are inclusive."""
    return field(
        default=default,
        metadata={"help": help, "choices": choices, "low": low, "high": high, "metavar": metavar},
    )


class _Checked:
    """Checks choices and ranges of a record's fields when it is made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if value is None:
                continue
            word = "--" + item.name.replace("_", "-")
            choices, low, high = (item.metadata.get(key) for key in ("choices", "low", "high"))
            if choices and value not in choices:
                raise OptionError(f"{word} cannot be {value!r}; {suggestion(str(value), choices)}")
            if low is not None or high is not None:
                _check_range(word, value, low, high)


def _check_range(word: str, value: Any, low: float | None, high: float | None) -> None:
    expected = (
        f"from {low} to {high}"
        if None not in (low, high)
        else f"{low} or more"
        if high is None
        else f"{high} or less"
    )
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise OptionError(f"{word} must be a number {expected}, got {value!r}") from None
    if not ((low is None or number >= low) and (high is None or number <= high)):  # false for NaN too
        raise OptionError(f"{word} must be {expected}, got {value}")


@dataclass(frozen=True, slots=True)
class ReadOptions(_Checked):
    """Which part of the source is read, and how."""

    start: Fraction | None = _option(None, "begin at this time (seconds or h:m:s)", low=0, metavar="TIME")
    end: Fraction | None = _option(None, "end before this time (seconds or h:m:s)", low=0, metavar="TIME")
    frames: int | None = _option(None, "stop after this many frames", low=1, metavar="N")
    rate: Fraction | None = _option(
        None,
        "pictures a second for a folder or pattern of pictures (25 if not given)",
        low=0.001,
        metavar="FPS",
    )
    hdr: str = _option("tonemap", "what to do with HDR (PQ, HLG) sources", choices=("tonemap", "refuse"))


@dataclass(frozen=True, slots=True)
class WriteOptions(_Checked):
    """How the result is encoded."""

    codec: str | None = _option(
        None,
        "h264, hevc, av1, vp9, prores, ffv1, gif, png, or an FFmpeg encoder (by extension if not given)",
        metavar="NAME",
    )
    crf: float | None = _option(
        None, "constant quality, lower is better (default 16)", low=0, high=63, metavar="N"
    )
    bitrate: str | None = _option(None, "bits a second instead of a quality (8M, 900k)", metavar="RATE")
    preset: str = _option(
        "medium", "the encoder's speed: its own names, ultrafast to veryslow", metavar="NAME"
    )
    encoder_options: tuple[tuple[str, str], ...] = _option(
        (), "an option for the encoder itself; may be repeated", metavar="KEY=VALUE"
    )
    even: bool = _option(False, "crop an odd line or column, for players that refuse 4:4:4")
    overwrite: bool = _option(False, "replace an existing result")


@dataclass(frozen=True, slots=True)
class PaintOptions(_Checked):
    """What paints, on what, and what is shown of it."""

    engine: str = _option("stylenet", "the engine that paints", metavar="NAME")
    weights: Path | None = _option(None, "weights for the engine instead of the bundled ones", metavar="FILE")
    style_weights: tuple[float, ...] | None = _option(
        None, "one weight for each --style (equal if not given)", metavar="W,W"
    )
    style_track: Path | None = _option(
        None, "styles over time: a text (time style weight) or JSON file", metavar="FILE"
    )
    strength: float = _option(
        1.0, "0 is the clip, 1 the painting, up to 1.5 pushes the style further", low=0, high=1.5, metavar="X"
    )
    preserve_color: bool = _option(False, "keep the clip's own colours")
    mask: Path | None = _option(None, "picture or clip: white is painted, black is kept", metavar="FILE")
    working_size: int | None = _option(
        None,
        "short side at which strokes are painted (default 480, never above the source)",
        low=16,
        metavar="PX",
    )
    device: str = _option("auto", "where to compute", choices=("auto", "cpu", "cuda", "mps"))
    precision: str = _option("auto", "number format of the network", choices=("auto", "fp32", "fp16", "bf16"))
    style_cache: Path | None = _option(None, "keep style codes in this folder between runs", metavar="DIR")


DEFAULT_WORKING_SIZE = 480  # px, short side
DEFAULT_CRF = 16.0


@dataclass(frozen=True, slots=True)
class SteadyOptions(_Checked):
    """What makes painted frames agree."""

    temporal: str = _option(
        "map",
        "how frames are made to agree: paint map, classic blend, or not at all",
        choices=("map", "blend", "none"),
    )
    flow: str = _option(
        "auto",
        "motion: raft-small on a GPU and dis on a CPU, or by name",
        choices=("auto", "dis", "raft-small", "raft-large", "none"),
    )
    flow_size: int | None = _option(None, "short side at which motion is estimated", low=16, metavar="PX")
    stability: float = _option(
        1.0, "0 paints each frame alone, 1 is as steady as it gets", low=0, high=1, metavar="X"
    )


def take(record: type[R], words: Mapping[str, Any]) -> R:
    """Make a ``record`` of those ``words`` that are its fields; the rest is left for other records."""
    names = {item.name for item in fields(record)}  # type: ignore[arg-type]
    return record(**{name: value for name, value in words.items() if name in names})
