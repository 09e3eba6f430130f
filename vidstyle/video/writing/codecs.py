"""Codecs: names to encoders that really open here, and the pixel formats that suit a picture."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import av

from vidstyle.errors import OutputError, UnknownName
from vidstyle.video.writing.encoder_settings import HARDWARE, Tuning
from vidstyle.video.writing.encoder_trial import open_codec

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec by the name that ``--codec`` takes."""

    name: str
    about: str
    encoders: tuple[str, ...]
    """FFmpeg's encoders of it that need no hardware, best first."""
    extension: str
    """Of a result whose name is left to us; empty for a folder."""
    containers: tuple[str, ...]
    """Extensions that suit it, so that a clip of one of them keeps it."""


CODECS: Mapping[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec(
            "h264",
            "plays everywhere",
            ("libx264", "libopenh264"),
            ".mp4",
            (".mp4", ".m4v", ".mov", ".mkv"),
        ),
        Codec(
            "hevc",
            "smaller than h264; newer players",
            ("libx265",),
            ".mp4",
            (".mp4", ".m4v", ".mov", ".mkv"),
        ),
        Codec(
            "av1",
            "smaller still; browsers and recent players",
            ("libsvtav1", "libaom-av1"),
            ".mp4",
            (".mp4", ".mkv", ".webm"),
        ),
        Codec("vp9", "for the web; holds alpha", ("libvpx-vp9",), ".webm", (".webm", ".mkv")),
        Codec(
            "prores",
            "for editing; 10 bits, holds alpha",
            ("prores_ks", "prores"),
            ".mov",
            (".mov", ".mkv"),
        ),
        Codec("ffv1", "lossless; holds alpha", ("ffv1",), ".mkv", (".mkv",)),
        Codec("gif", "256 colours, plays everywhere, no sound", ("gif",), ".gif", (".gif",)),
        Codec("png", "a folder of pictures; lossless, holds alpha", ("png",), "", ()),
        Codec("apng", "one animated PNG; lossless, holds alpha", ("apng",), ".apng", (".apng", ".png")),
        Codec("webp", "one animated WebP; holds alpha", ("libwebp_anim",), ".webp", (".webp",)),
    )
}

_ALIASES = {"avc": "h264", "h265": "hevc", "x264": "h264", "x265": "hevc", "libwebp": "webp"}
_ENCODERS = {encoder: codec.name for codec in CODECS.values() for encoder in codec.encoders}


def family(name: str) -> str:
    """The codec that ``name`` (a codec or an FFmpeg encoder) makes: ``h264`` for ``h264_nvenc``.

    Raises:
        UnknownName: neither a codec nor a video encoder that FFmpeg knows.
    """
    name = _ALIASES.get(name.lower(), name.lower())
    if name in CODECS:
        return name
    if name in _ENCODERS:
        return _ENCODERS[name]
    prefix, _, suffix = name.rpartition("_")
    if suffix in HARDWARE and prefix in CODECS:
        return prefix
    try:
        codec = av.Codec(name, "w")
    except ValueError:  # av's UnknownCodecError
        codec = None
    if codec is None or codec.type != "video":
        raise UnknownName("codec", name, CODECS)
    return str(codec.canonical_name)


def choose_encoder(name: str) -> str:
    """The FFmpeg encoder for a codec or encoder called ``name``, one that really opens on this machine.

    A hardware encoder that does not open is replaced by software of the same family, with a warning.

    Raises:
        UnknownName: there is no such codec.
        OutputError: nothing that makes it opens here.
    """
    name = _ALIASES.get(name.lower(), name.lower())
    codec = CODECS.get(family(name))
    if name not in CODECS:
        reason = why_not(name)
        if not reason:
            return name
        if codec is None or not any(opens(encoder) for encoder in codec.encoders):
            raise OutputError(f"the encoder {name} does not open here ({reason}); use --codec h264")
    assert codec is not None
    for encoder in codec.encoders:
        if opens(encoder):
            if name not in CODECS:
                log.warning("%s does not open here (%s); using %s instead", name, reason, encoder)
            return encoder
    raise OutputError(f"no encoder for {name} opens here; see `vidstyle doctor` for those that do")


def opens(encoder: str) -> bool:
    """Whether FFmpeg's ``encoder`` really opens on this machine: being listed is not working."""
    return not why_not(encoder)


@lru_cache(maxsize=64)
def why_not(encoder: str) -> str:
    """Why ``encoder`` does not open at 256x256; empty if it does."""
    try:
        codec = av.Codec(encoder, "w")
    except ValueError:
        return "not in this build of FFmpeg"
    if codec.type != "video":
        return "not a video encoder"
    quiet = {"x265-params": "log-level=none"} if encoder == "libx265" else {}
    return open_codec(encoder, pixel_format_of(encoder), Tuning(quiet)).error


def pixel_formats(encoder: str) -> tuple[str, ...]:
    """The names of the pixel formats that ``encoder`` takes; empty if it does not say."""
    return tuple(item.name for item in av.Codec(encoder, "w").video_formats or ())


def pixel_format_of(
    encoder: str, *, bits: int = 8, alpha: bool = False, odd: bool = False, preset: str = ""
) -> str:
    """The pixel format of ``encoder`` that suits pictures of so many ``bits`` a sample best.

    ``odd``: the width or height is odd, which h264 and hevc hold without colour subsampling only.
    ``preset``: that of prores says how much colour is kept.
    The result may have fewer bits, or no alpha, or need even sizes, where the encoder offers no better:
    look with ``av.VideoFormat``.
    """
    known = pixel_formats(encoder)
    made = family(encoder)
    wanted: list[str] = []
    if alpha:
        wanted += _WITH_ALPHA.get((made, bits > 8), _WITH_ALPHA.get((made, False), ()))
    if made == "ffv1":
        depth = next((deep for deep in (10, 12, 14) if bits <= deep), None)
        wanted += ["bgr0"] if bits <= 8 else [f"gbrp{depth}le"] if depth else ["yuv444p16le"]
    if made == "prores":
        wanted += ["yuv444p10le" if "444" in preset else "yuv422p10le"]
    full = odd and made in ("h264", "hevc")
    if bits > 8:
        wanted += ["yuv444p10le", "yuv444p16le", "gbrp10le"] if full else ["yuv420p10le", "p010le"]
        wanted += ["rgb48be"]
    wanted += ["yuvj420p"] if made == "mjpeg" else []  # limited range is against its standard
    wanted += ["yuv444p", "gbrp"] if full else []
    wanted += ["yuv420p", "nv12", "yuv422p", "yuv444p", "rgb24", "bgr0", "yuvj420p", "yuv422p10le"]
    return next((name for name in wanted if name in known), known[0] if known else "yuv420p")


_WITH_ALPHA: Mapping[tuple[str, bool], tuple[str, ...]] = {
    ("vp9", False): ("yuva420p",),
    ("prores", False): ("yuva444p10le",),
    ("ffv1", False): ("bgra",),
    ("ffv1", True): ("yuva444p16le",),
    ("apng", False): ("rgba",),
    ("apng", True): ("rgba64be",),
    ("png", False): ("rgba",),
    ("png", True): ("rgba64be",),
    ("webp", False): ("bgra",),
}
