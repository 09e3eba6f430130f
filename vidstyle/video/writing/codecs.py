"""Codecs: the encoder for a codec name that works on this machine, and its pixel format for a picture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import av

from vidstyle.errors import OutputError, UnknownName
from vidstyle.video.writing.encoder_settings import HARDWARE, Tuning, default_options
from vidstyle.video.writing.encoder_trial import open_codec

log = logging.getLogger(__name__)

DEFAULT_CODEC = "h264"


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec: its name for ``--codec``, its encoders, files and pixel formats."""

    name: str
    encoders: tuple[str, ...]
    """FFmpeg's software encoders of it, the best first."""
    extension: str
    """The default extension of results; empty for a folder."""
    containers: tuple[str, ...]
    """Extensions that suit it: a source with one of them gets a result with the same one."""
    format_of: Callable[[int, str], str] | None = None
    """(bits per sample, preset) -> pixel format; None: one of those that most encoders take."""
    alpha_formats: tuple[str, str] | None = None
    """Pixel formats with alpha: for 8 bits, and for more; None if it holds no alpha."""
    loses_alpha_in_other_files: bool = False
    """Whether files with other extensions than ``containers`` lose its alpha without an error."""
    needs_444_when_odd: bool = False
    """Whether odd sizes are possible only without chroma subsampling."""
    has_full_range: bool = True
    has_color_tags: bool = True
    has_palette: bool = False
    """Whether pictures are reduced to a palette, in which one colour may be transparent."""
    is_picture: bool = False
    """Whether results are pictures or animated pictures: no sound, and shown as sRGB if untagged."""
    reorders: bool = False
    """Whether decoding order may differ from display order; not all encoders report this."""
    segment_format: str = "nut"
    """FFmpeg's name of the muxer for segments of a long film, which must leave packets as they are."""
    mov_tag: str = ""
    """The codec tag in MP4 and QuickTime, if players refuse FFmpeg's default."""

    @property
    def is_folder(self) -> bool:
        """Whether each picture is a file of its own."""
        return not self.extension


def _ffv1_format(bits: int, preset: str) -> str:
    depth = next((deep for deep in (10, 12, 14) if bits <= deep), None)
    return "bgr0" if bits <= 8 else f"gbrp{depth}le" if depth else "yuv444p16le"


def _prores_format(bits: int, preset: str) -> str:
    return "yuv444p10le" if "444" in preset else "yuv422p10le"


CODECS: Mapping[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec(
            "h264",
            ("libx264", "libopenh264"),
            ".mp4",
            (".mp4", ".m4v", ".mov", ".mkv"),
            needs_444_when_odd=True,
            reorders=True,
        ),
        Codec(
            "hevc",
            ("libx265",),
            ".mp4",
            (".mp4", ".m4v", ".mov", ".mkv"),
            needs_444_when_odd=True,
            reorders=True,
            mov_tag="hvc1",  # Apple's players refuse hev1
        ),
        Codec(
            "av1",
            ("libsvtav1", "libaom-av1"),
            ".mp4",
            (".mp4", ".mkv", ".webm"),
        ),
        Codec(
            "vp9",
            ("libvpx-vp9",),
            ".webm",
            (".webm", ".mkv"),
            alpha_formats=("yuva420p", "yuva420p"),
            loses_alpha_in_other_files=True,
            segment_format="matroska",  # which holds alpha, and leaves packets as they are
        ),
        Codec(
            "prores",
            ("prores_ks", "prores"),
            ".mov",
            (".mov", ".mkv"),
            format_of=_prores_format,
            alpha_formats=("yuva444p10le", "yuva444p10le"),
            has_full_range=False,
            segment_format="matroska",  # NUT has no place for it
        ),
        Codec(
            "ffv1",
            ("ffv1",),
            ".mkv",
            (".mkv",),
            format_of=_ffv1_format,
            alpha_formats=("bgra", "yuva444p16le"),
        ),
        Codec(
            "gif",
            ("gif",),
            ".gif",
            (".gif",),
            has_palette=True,
            is_picture=True,
        ),
        Codec(
            "png",
            ("png",),
            "",
            (),
            alpha_formats=("rgba", "rgba64be"),
            is_picture=True,
        ),
        Codec(
            "apng",
            ("apng",),
            ".apng",
            (".apng", ".png"),
            alpha_formats=("rgba", "rgba64be"),
            is_picture=True,
        ),
        Codec(
            "webp",
            ("libwebp_anim",),
            ".webp",
            (".webp",),
            alpha_formats=("bgra", "bgra"),
            is_picture=True,
        ),
    )
}


def _unlisted(name: str) -> Codec:
    """A codec that is not in ``CODECS``, with the file extensions of the default codec."""
    default = CODECS[DEFAULT_CODEC]
    return Codec(name, (), default.extension, default.containers)


_UNLISTED: Mapping[str, Codec] = {
    # the standard does not allow limited range
    "mjpeg": replace(_unlisted("mjpeg"), format_of=lambda bits, preset: "yuvj420p"),
    "rawvideo": replace(_unlisted("rawvideo"), has_color_tags=False),
}
_ALIASES = {"avc": "h264", "h265": "hevc", "x264": "h264", "x265": "hevc", "libwebp": "webp"}
_ENCODERS = {encoder: codec for codec in CODECS.values() for encoder in codec.encoders}


def codec_of(name: str) -> Codec:
    """The codec of ``name``, which is a codec or an FFmpeg encoder: h264 for ``h264_nvenc``.

    One that is not in ``CODECS`` gets the extensions of the default codec.

    Raises:
        UnknownName: neither a codec nor a video encoder that FFmpeg knows.
    """
    name = _ALIASES.get(name.lower(), name.lower())
    if name in CODECS:
        return CODECS[name]
    if name in _ENCODERS:
        return _ENCODERS[name]
    prefix, _, suffix = name.rpartition("_")
    if suffix in HARDWARE and prefix in CODECS:
        return CODECS[prefix]
    try:
        codec = av.Codec(name, "w")
    except ValueError:  # av's UnknownCodecError
        codec = None
    if codec is None or codec.type != "video":
        raise UnknownName("codec", name, CODECS)
    canonical = str(codec.canonical_name)
    return CODECS.get(canonical) or _UNLISTED.get(canonical) or _unlisted(canonical)


def choose_encoder(name: str) -> str:
    """The FFmpeg encoder for ``name``, a codec or an encoder; one that opens on this machine.

    A hardware encoder that does not open is replaced by a software encoder of the same codec, with a warning.

    Raises:
        UnknownName: there is no such codec.
        OutputError: none of its encoders opens here.
    """
    name = _ALIASES.get(name.lower(), name.lower())
    codec = codec_of(name)
    if name not in CODECS:
        reason = open_error(name)
        if not reason:
            return name
        if not any(opens(encoder) for encoder in codec.encoders):
            raise OutputError(
                f"the encoder {name} does not open here ({reason}); use --codec {DEFAULT_CODEC}"
            )
    for encoder in codec.encoders:
        if opens(encoder):
            if name not in CODECS:
                log.warning("%s does not open here (%s); using %s instead", name, reason, encoder)
            return encoder
    raise OutputError(f"no encoder for {name} opens here; see `vidstyle doctor` for those that do")


def opens(encoder: str) -> bool:
    """Whether FFmpeg's ``encoder`` opens on this machine; not all that are listed do."""
    return not open_error(encoder)


@lru_cache(maxsize=64)
def open_error(encoder: str) -> str:
    """Why ``encoder`` does not open at 256x256; empty if it does."""
    try:
        codec = av.Codec(encoder, "w")
    except ValueError:
        return "not in this build of FFmpeg"
    if codec.type != "video":
        return "not a video encoder"
    return open_codec(encoder, pixel_format_of(encoder), Tuning(default_options(encoder))).error


def pixel_formats(encoder: str) -> tuple[str, ...]:
    """The pixel formats that ``encoder`` lists; empty if it lists none."""
    return tuple(item.name for item in av.Codec(encoder, "w").video_formats or ())


def pixel_format_of(
    encoder: str, *, bits: int = 8, alpha: bool = False, odd: bool = False, preset: str = ""
) -> str:
    """The best pixel format of ``encoder`` for pictures with ``bits`` per sample.

    The result may have fewer bits, no alpha, or need even sizes if the encoder has nothing better; check
    with ``av.VideoFormat``.

    Args:
        encoder: FFmpeg's name.
        bits: bits per sample of the pictures.
        alpha: whether they have alpha.
        odd: whether their width or height is odd.
        preset: the encoder's preset, which determines the chroma subsampling of some codecs.
    """
    supported = pixel_formats(encoder)
    codec = codec_of(encoder)
    is_deep = bits > 8
    preferred: list[str] = []
    if alpha and codec.alpha_formats is not None:
        preferred.append(codec.alpha_formats[is_deep])
    if codec.format_of is not None:
        preferred.append(codec.format_of(bits, preset))
    full = odd and codec.needs_444_when_odd
    if is_deep:
        preferred += ["yuv444p10le", "yuv444p16le", "gbrp10le"] if full else ["yuv420p10le", "p010le"]
        preferred += ["rgb48be"]
    preferred += ["yuv444p", "gbrp"] if full else []
    preferred += ["yuv420p", "nv12", "yuv422p", "yuv444p", "rgb24", "bgr0", "yuvj420p", "yuv422p10le"]
    return next((name for name in preferred if name in supported), supported[0] if supported else "yuv420p")
