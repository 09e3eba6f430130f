"""Containers, by extension: their muxer, default codec, and what else they can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SoundCodec:
    """How sound is re-encoded for a container that cannot hold the source's codec."""

    encoder: str
    """FFmpeg's name of the encoder."""
    bit_rate: int
    """Bits a second for each channel; most listeners hear no loss."""
    rate: int | None = None
    """Sample rate (Hz) if the encoder has only one; None: the supported one nearest to the source's."""


@dataclass(frozen=True, slots=True)
class Container:
    """A file format that holds streams."""

    format: str
    """FFmpeg's name of the muxer."""
    codec: str
    """The default codec."""
    sound: SoundCodec | None = None
    """For sound in a codec that it cannot hold; None if it holds no sound."""
    text_encoder: str = ""
    """FFmpeg's encoder for text subtitles in a format that it cannot hold; empty if it holds no subtitles."""
    is_mov: bool = False
    """Whether it is MP4 or QuickTime, with edit lists and their kind of tags."""
    own_tags: frozenset[str] = frozenset()
    """Keys for which MP4 and QuickTime have tags of their own; other keys need ``use_metadata_tags``."""
    is_matroska: bool = False
    is_animation: bool = False
    """Whether it is an animated picture, without sound, other streams and tags."""
    has_attachments: bool = False
    """Whether it holds files: fonts, covers."""
    plays_option: str = ""
    """The muxer's option for the number of plays of an animation; empty if the encoder writes it."""
    is_raw: bool = False
    """Whether it is samples of rgb24 without any header."""
    has_times: bool = True
    """Whether it stores a time for each picture, not only a frame rate."""
    language_names: Mapping[str, str] = field(default_factory=dict)
    """ISO 639-2 code to the one that the muxer accepts instead; it drops languages that it does not know."""


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

_MP4_TAGS = frozenset(
    """title artist author album_artist album composer date comment copyright genre grouping track disc lyrics
    description synopsis show episode_id episode_sort season_number network keywords media_type rating
    hd_video gapless_playback compilation encoder location creation_time timecode make model""".split()  # noqa: SIM905
)
_MOV_TAGS = frozenset("title album date comment copyright genre creation_time timecode make model".split())  # noqa: SIM905

_MP4 = Container("mp4", "h264", sound=_AAC, text_encoder="mov_text", is_mov=True, own_tags=_MP4_TAGS)
_MOV = Container(
    "mov",
    "h264",
    sound=_AAC,
    text_encoder="mov_text",
    is_mov=True,
    own_tags=_MOV_TAGS,
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
    "raw": Container("rawvideo", "rawvideo", has_times=False, is_raw=True),
}
"""Containers for pipes, by the name that ``--format`` takes; they can be read while they are written."""
