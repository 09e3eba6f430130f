"""The option records of files: which part of a source is read, and how a result is written."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vidstyle.options.checked_fields import Checked, option
from vidstyle.options.converters import (
    as_bits,
    as_integer,
    as_number,
    as_pairs,
    as_rate,
    as_seconds,
    as_size,
    as_switch,
    as_text,
)

HARDWARE_DECODERS = ("cuda", "d3d11va", "qsv", "vaapi", "videotoolbox")
"""FFmpeg's names of devices that decode."""


@dataclass(frozen=True, slots=True)
class ReadOptions(Checked):
    """The part of the source that is read, and how."""

    start: Fraction | None = option(
        None, "begin at this time (seconds or h:m:s)", low=0, metavar="TIME", parse=as_seconds
    )
    end: Fraction | None = option(
        None, "end before this time (seconds or h:m:s)", low=0, metavar="TIME", parse=as_seconds
    )
    frames: int | None = option(None, "stop after this many frames", low=1, metavar="N", parse=as_integer)
    rate: Fraction | None = option(
        None,
        "pictures a second for a folder or pattern of pictures, or raw ones (25 if not given)",
        low=0.001,
        metavar="FPS",
        parse=as_rate,
    )
    size: tuple[int, int] | None = option(
        None,
        "the input is raw pictures of this width and height: rgb24, one after the other, --rate a second",
        metavar="WxH",
        parse=as_size,
    )
    hwaccel: str = option(
        "none",
        "decode on this hardware (cuda: NVDEC) what it can decode, the rest on the CPU",
        choices=("none", *HARDWARE_DECODERS),
    )
    hdr: str = option("tonemap", "what to do with HDR (PQ, HLG) sources", choices=("tonemap", "refuse"))


@dataclass(frozen=True, slots=True)
class WriteOptions(Checked):
    """How the result is encoded."""

    codec: str | None = option(
        None,
        "one that `vidstyle list codecs` shows, or an FFmpeg encoder (by extension if not given)",
        metavar="NAME",
        parse=as_text,
    )
    format: str | None = option(
        None,
        "what goes through a pipe (--output -): nut (with sound and exact times, if not given), y4m, or raw "
        "(rgb24, one picture after the other)",
        choices=("nut", "y4m", "raw"),
    )
    crf: float | None = option(
        None, "constant quality, lower is better (default 16)", low=0, high=63, metavar="N", parse=as_number
    )
    bitrate: str | None = option(
        None, "bits a second instead of a quality (8M, 900k)", metavar="RATE", parse=as_bits
    )
    preset: str = option(
        "medium", "the encoder's speed: its own names, ultrafast to veryslow", metavar="NAME", parse=as_text
    )
    encoder_options: tuple[tuple[str, str], ...] = option(
        (), "an option for the encoder itself; may be repeated", metavar="KEY=VALUE", parse=as_pairs
    )
    even: bool = option(False, "crop an odd line or column, for players that refuse 4:4:4", parse=as_switch)
    overwrite: bool = option(False, "replace an existing result", parse=as_switch)
