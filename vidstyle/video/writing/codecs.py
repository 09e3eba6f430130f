"""Codecs: names to encoders that really open here, and the pixel formats that suit a picture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import av

from vidstyle.errors import OutputError, UnknownName
from vidstyle.video.writing.encoder_settings import HARDWARE, Tuning, usual_options
from vidstyle.video.writing.encoder_trial import open_codec

log = logging.getLogger(__name__)

DEFAULT_CODEC = "h264"


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec by the name that ``--codec`` takes, and what writing it asks for."""

    name: str
    about: str
    encoders: tuple[str, ...]
    """FFmpeg's encoders of it that need no hardware, best first."""
    extension: str
    """Of a result whose name is left to us; empty for a folder."""
    containers: tuple[str, ...]
    """Extensions that suit it, so that a clip of one of them keeps it."""
    format_of: Callable[[int, str], str] | None = None
    """Its own pixel format for so many bits a sample and a preset; None: one that all codecs share."""
    alpha_formats: tuple[str, str] | None = None
    """Pixel formats with alpha, of 8 bits and of more; None if it holds none."""
    loses_alpha_elsewhere: bool = False
    """Extensions beside ``containers`` take it, and drop its alpha without a word."""
    is_whole_when_odd: bool = False
    """Odd sizes need colour that is not subsampled (4:4:4)."""
    has_full_range: bool = True
    has_palette: bool = False
    """Every picture comes down to a palette, with clear pixels, whatever its depth and alpha."""
    is_picture: bool = False
    """Pictures, single or moving: without sound, and shown as their numbers stand if they have no tags."""
    reorders: bool = False
    """Pictures may be decoded in another order than they are shown; not all encoders say whether they do."""
    mov_tag: str = ""
    """What MP4 and QuickTime call it, where FFmpeg's own choice is refused by players."""

    @property
    def is_folder(self) -> bool:
        """Each picture is a file of its own."""
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
            "plays everywhere",
            ("libx264", "libopenh264"),
            ".mp4",
            (".mp4", ".m4v", ".mov", ".mkv"),
            is_whole_when_odd=True,
            reorders=True,
        ),
        Codec(
            "hevc",
            "smaller than h264; newer players",
            ("libx265",),
            ".mp4",
            (".mp4", ".m4v", ".mov", ".mkv"),
            is_whole_when_odd=True,
            reorders=True,
            mov_tag="hvc1",  # Apple's players refuse hev1
        ),
        Codec(
            "av1",
            "smaller still; browsers and recent players",
            ("libsvtav1", "libaom-av1"),
            ".mp4",
            (".mp4", ".mkv", ".webm"),
        ),
        Codec(
            "vp9",
            "for the web; holds alpha",
            ("libvpx-vp9",),
            ".webm",
            (".webm", ".mkv"),
            alpha_formats=("yuva420p", "yuva420p"),
            loses_alpha_elsewhere=True,
        ),
        Codec(
            "prores",
            "for editing; 10 bits, holds alpha",
            ("prores_ks", "prores"),
            ".mov",
            (".mov", ".mkv"),
            format_of=_prores_format,
            alpha_formats=("yuva444p10le", "yuva444p10le"),
            has_full_range=False,
        ),
        Codec(
            "ffv1",
            "lossless; holds alpha",
            ("ffv1",),
            ".mkv",
            (".mkv",),
            format_of=_ffv1_format,
            alpha_formats=("bgra", "yuva444p16le"),
        ),
        Codec(
            "gif",
            "256 colours, plays everywhere, no sound",
            ("gif",),
            ".gif",
            (".gif",),
            has_palette=True,
            is_picture=True,
        ),
        Codec(
            "png",
            "a folder of pictures; lossless, holds alpha",
            ("png",),
            "",
            (),
            alpha_formats=("rgba", "rgba64be"),
            is_picture=True,
        ),
        Codec(
            "apng",
            "one animated PNG; lossless, holds alpha",
            ("apng",),
            ".apng",
            (".apng", ".png"),
            alpha_formats=("rgba", "rgba64be"),
            is_picture=True,
        ),
        Codec(
            "webp",
            "one animated WebP; holds alpha",
            ("libwebp_anim",),
            ".webp",
            (".webp",),
            alpha_formats=("bgra", "bgra"),
            is_picture=True,
        ),
    )
}

# limited range is against the standard of mjpeg
_FORMATS_ELSEWHERE: Mapping[str, Callable[[int, str], str]] = {"mjpeg": lambda bits, preset: "yuvj420p"}
_ALIASES = {"avc": "h264", "h265": "hevc", "x264": "h264", "x265": "hevc", "libwebp": "webp"}
_ENCODERS = {encoder: codec for codec in CODECS.values() for encoder in codec.encoders}


def codec_of(name: str) -> Codec:
    """The codec that ``name`` (a codec or an FFmpeg encoder) makes: h264 for ``h264_nvenc``.

    One that is not in ``CODECS`` goes where the default one does.

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
    made, usual = str(codec.canonical_name), CODECS[DEFAULT_CODEC]
    if made in CODECS:
        return CODECS[made]
    return Codec(made, "", (), usual.extension, usual.containers, format_of=_FORMATS_ELSEWHERE.get(made))


def choose_encoder(name: str) -> str:
    """The FFmpeg encoder for a codec or encoder called ``name``, one that really opens on this machine.

    A hardware encoder that does not open is replaced by software of the same family, with a warning.

    Raises:
        UnknownName: there is no such codec.
        OutputError: nothing that makes it opens here.
    """
    name = _ALIASES.get(name.lower(), name.lower())
    codec = codec_of(name)
    if name not in CODECS:
        reason = why_not(name)
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
    return open_codec(encoder, pixel_format_of(encoder), Tuning(usual_options(encoder))).error


def pixel_formats(encoder: str) -> tuple[str, ...]:
    """The names of the pixel formats that ``encoder`` takes; empty if it does not say."""
    return tuple(item.name for item in av.Codec(encoder, "w").video_formats or ())


def pixel_format_of(
    encoder: str, *, bits: int = 8, alpha: bool = False, odd: bool = False, preset: str = ""
) -> str:
    """The pixel format of ``encoder`` that suits pictures of so many ``bits`` a sample best.

    ``odd``: the width or height is odd, which some codecs hold without colour subsampling only.
    ``preset``: that of some codecs says how much colour is kept.
    The result may have fewer bits, or no alpha, or need even sizes, where the encoder offers no better:
    look with ``av.VideoFormat``.
    """
    known = pixel_formats(encoder)
    codec = codec_of(encoder)
    is_deep = bits > 8
    wanted: list[str] = []
    if alpha and codec.alpha_formats is not None:
        wanted.append(codec.alpha_formats[is_deep])
    if codec.format_of is not None:
        wanted.append(codec.format_of(bits, preset))
    full = odd and codec.is_whole_when_odd
    if is_deep:
        wanted += ["yuv444p10le", "yuv444p16le", "gbrp10le"] if full else ["yuv420p10le", "p010le"]
        wanted += ["rgb48be"]
    wanted += ["yuv444p", "gbrp"] if full else []
    wanted += ["yuv420p", "nv12", "yuv422p", "yuv444p", "rgb24", "bgr0", "yuvj420p", "yuv422p10le"]
    return next((name for name in wanted if name in known), known[0] if known else "yuv420p")
