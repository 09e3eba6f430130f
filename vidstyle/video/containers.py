"""Kinds of files, by extension: what FFmpeg calls them, which codec they hold by default, and what else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SoundCodec:
    """What sound becomes that a container refuses as it is."""

    encoder: str
    """FFmpeg's name of it."""
    bit_rate: int
    """Bits a second and channel: past what most ears can tell."""
    rate: int | None = None
    """Hz, where it works at one rate; None: at the one nearest to the source's."""


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file."""

    format: str
    """FFmpeg's name of it."""
    codec: str
    """What it holds if nothing else is asked for."""
    sound: SoundCodec | None = None
    """For sound that it refuses; None if it holds no sound."""
    text_encoder: str = ""
    """FFmpeg's encoder for text subtitles that it refuses; empty if it holds none."""
    is_mov: bool = False
    """Of the MP4 and QuickTime family, with its edit lists and tags."""
    is_matroska: bool = False
    is_animation: bool = False
    """One picture that moves: no sound, no streams."""
    has_attachments: bool = False
    """Fonts, covers and other files may be put into it."""
    plays_option: str = ""
    """FFmpeg's option for how often an animation plays; empty if the encoder of the pictures writes it."""
    has_times: bool = True
    """It says when each picture is shown, not only how many there are a second."""
    language_names: Mapping[str, str] = field(default_factory=dict)
    """Its own names of languages where it knows them by another name only, and would drop them."""


_AAC = SoundCodec("aac", bit_rate=96_000)
_OPUS = SoundCodec("libopus", bit_rate=80_000, rate=48_000)
_QUICKTIME_LANGUAGES = {
    "bod": "tib",
    "cze": "ces",
    "deu": "ger",
    "ell": "gre",
    "fre": "fra",
    "hye": "arm",
    "isl": "ice",
    "kat": "geo",
    "mkd": "mac",
    "msa": "may",
    "mya": "bur",
    "nld": "dut",
    "rum": "ron",
    "slo": "slk",
    "sqi": "alb",
    "swe": "sve",
    "zho": "chi",
}

_MP4 = Container("mp4", "h264", sound=_AAC, text_encoder="mov_text", is_mov=True)
_MOV = Container(
    "mov",
    "h264",
    sound=_AAC,
    text_encoder="mov_text",
    is_mov=True,
    language_names=_QUICKTIME_LANGUAGES,
)
_MATROSKA = Container(
    "matroska", "h264", sound=_OPUS, text_encoder="subrip", is_matroska=True, has_attachments=True
)
_WEBM = Container("webm", "vp9", sound=_OPUS, text_encoder="webvtt", is_matroska=True)
_GIF = Container("gif", "gif", is_animation=True)
_APNG = Container("apng", "apng", is_animation=True, plays_option="plays")
_WEBP = Container("webp", "webp", is_animation=True, plays_option="loop")

CONTAINERS: Mapping[str, Container] = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": _MOV,
    ".mkv": _MATROSKA,
    ".webm": _WEBM,
    ".gif": _GIF,
    ".apng": _APNG,
    ".png": _APNG,
    ".webp": _WEBP,
}
FOLDER = Container("folder", "png")
STREAMS: Mapping[str, Container] = {
    "nut": Container("nut", "ffv1", sound=_OPUS),
    "y4m": Container("yuv4mpegpipe", "rawvideo", has_times=False),
}
"""What goes through a pipe, by name; it can be read as it comes."""
