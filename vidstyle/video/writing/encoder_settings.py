"""Quality, bit rate and speed as options of each encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2

from vidstyle.errors import OptionError, suggestion
from vidstyle.options import DEFAULT_CRF, WriteOptions

SPEEDS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
"""Presets that every encoder with presets takes, besides its own."""

HARDWARE = (
    "nvenc",
    "qsv",
    "amf",
    "videotoolbox",
    "vaapi",
    "mf",
    "v4l2m2m",
    "vulkan",
    "mediacodec",
    "d3d12va",
)
"""Suffixes of hardware encoders, after the codec: ``h264_nvenc``."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The options and bit rate with which an encoder is opened."""

    options: Mapping[str, str] = field(default_factory=dict)
    """The encoder's own options."""
    bit_rate: int = 0
    """Bits a second; 0 for constant quality."""


def tune(encoder: str, options: WriteOptions, pixel_format: str, size: tuple[int, int] = (0, 0)) -> Tuning:
    """Translate ``options`` (crf or bit rate, preset, encoder options) into options of ``encoder``.

    ``options.crf`` is on the encoder's own scale. ``size`` is (width, height) in px.

    Raises:
        OptionError: an unknown preset, a quality out of the encoder's range, a quality or bit rate for
            an encoder that has none, or both a quality and a bit rate.
    """
    settings = _settings_of(encoder)
    if options.crf is not None and options.bitrate is not None:
        raise OptionError("--crf and --bitrate cannot be used together; give one of them")
    if settings.quality is None and (options.crf, options.bitrate) != (None, None):
        word = "--crf" if options.crf is not None else "--bitrate"
        raise OptionError(f"{word} cannot be used with {encoder}: {settings.why_no_quality}")
    chosen = {**settings.always, **_speed(encoder, settings, options.preset)}
    bit_rate = 0
    if options.bitrate is not None:
        bit_rate = _bits(options.bitrate)
    elif settings.quality is not None:
        crf = DEFAULT_CRF if options.crf is None else options.crf
        if crf > settings.largest_crf:
            raise OptionError(f"--crf must be from 0 to {settings.largest_crf:g} for {encoder}, got {crf:g}")
        chosen |= settings.quality(crf)
    if settings.for_format is not None:
        chosen |= settings.for_format(pixel_format, chosen)
    if size[0] * size[1] > _LARGE and options.preset in _LOOKAHEAD_PRESETS:
        chosen |= settings.for_large
    for key, value in options.encoder_options:
        # appended to the encoder's own parameters; the last one of a name counts
        chosen[key] = f"{chosen[key]}:{value}" if key.endswith("-params") and key in chosen else value
    return Tuning(chosen, bit_rate)


def presets(encoder: str) -> tuple[str, ...]:
    """The presets of ``encoder``; empty if it has none."""
    return tuple(_settings_of(encoder).presets)


def default_options(encoder: str) -> Mapping[str, str]:
    """The options with which ``encoder`` is always opened."""
    return _settings_of(encoder).always


def environment(encoder: str) -> Mapping[str, str]:
    """Environment variables that ``encoder`` reads when it opens."""
    return _settings_of(encoder).environment


def least_width(encoder: str) -> int:
    """The smallest width (px) that ``encoder`` can encode."""
    return _settings_of(encoder).least_width


@dataclass(frozen=True, slots=True)
class _EncoderSettings:
    quality: Callable[[float], dict[str, str]] | None = None
    largest_crf: float = 51.0
    """The end of the encoder's quality scale: the lowest quality."""
    presets: Mapping[str, dict[str, str]] = field(default_factory=dict)
    always: Mapping[str, str] = field(default_factory=dict)
    why_no_quality: str = ""
    for_format: Callable[[str, Mapping[str, str]], dict[str, str]] | None = None
    """(pixel format, options so far) -> further options."""
    for_large: Mapping[str, str] = field(default_factory=dict)
    """Options for pictures with more than ``_LARGE`` pixels."""
    environment: Mapping[str, str] = field(default_factory=dict)
    least_width: int = 1  # px


def _settings_of(encoder: str) -> _EncoderSettings:
    suffix = encoder.rpartition("_")[2]
    return (
        _SETTINGS.get(encoder) or (_SETTINGS.get(suffix) if suffix in HARDWARE else None) or _DEFAULT_SETTINGS
    )


def _speed(encoder: str, settings: _EncoderSettings, preset: str) -> dict[str, str]:
    if preset in settings.presets:
        return settings.presets[preset]
    if not settings.presets:
        if preset in SPEEDS:
            return {}  # this encoder has one speed only
        raise OptionError(f"{encoder} has no preset {preset!r}: it has no presets at all; leave --preset out")
    raise OptionError(f"{encoder} has no preset {preset!r}; {suggestion(preset, settings.presets)}")


def _bits(text: str) -> int:
    """Bits a second of ``8M`` or ``900k``."""
    factor = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}.get(text[-1:], 1)
    try:
        bits = round(float(text.rstrip("kKMG")) * factor)
    except ValueError:
        bits = 0
    if bits < 1000:
        raise OptionError(f"--bitrate must be 1k or more, like 8M or 900k bits a second, got {text!r}")
    return bits


def _names(key: str, names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    return {name: {key: name} for name in names}


def _steps(key: str, *values: object) -> dict[str, dict[str, str]]:
    """One value for each of ``SPEEDS``."""
    return {speed: {key: str(value)} for speed, value in zip(SPEEDS, values, strict=True)}


def _rounded_to(key: str) -> Callable[[float], dict[str, str]]:
    return lambda crf: {key: str(round(crf))}


_LARGE = 2560 * 1440  # px
_LOOKAHEAD_PRESETS = ("fast", "medium")  # get a shorter lookahead for large pictures; slower ones keep theirs
_SVT = _steps("preset", 12, 11, 10, 9, 8, 7, 5, 4, 3, 1)
_VP9 = {  # good at 5 is slower than at 4, so presets faster than medium use realtime
    speed: {"deadline": deadline, "cpu-used": str(used)}
    for speed, deadline, used in zip(
        SPEEDS, ("realtime",) * 5 + ("good",) * 5, (8, 7, 6, 5, 5, 4, 3, 2, 1, 0), strict=True
    )
}
_PRORES = ("proxy", "lt", "standard", "hq", "4444", "4444xq")
_NVENC = tuple(f"p{step}" for step in range(1, 8))
_QSV = (
    "veryfast",
    "veryfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "veryslow",
)

_AVX512_SKX = 256  # OpenCV's number of the AVX-512 that x264 uses (CV_CPU_AVX512_SKX)


def _reproducible() -> dict[str, str]:
    """Options with which x264 writes the same bytes for the same pictures in every run.

    Its AVX-512 code for mbtree is not deterministic: on an AMD EPYC (Zen 4) with the x264 of PyAV 18.1, 100
    encodings of 12 pictures of 160x256 in one thread gave 4 results; with AVX2, or without mbtree, one.
    """
    return {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_AVX512_SKX) else {}


def _prores_profile(pixel_format: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """The profile for 4:4:4 and alpha, which the other profiles do not hold."""
    return {"profile": "4444"} if "444" in pixel_format and "444" not in chosen["profile"] else {}


def _vp9_alpha(pixel_format: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """Alternate reference frames off for alpha: libvpx drops the alpha of frames that are not shown."""
    return {"auto-alt-ref": "0"} if pixel_format.startswith("yuva") else {}


# forced-idr: the last picture of a clip with uneven times is made a key picture (see encoded_file.py)
_X264 = {"forced-idr": "1"}
_SETTINGS = {
    "libx264": _EncoderSettings(
        lambda crf: {"crf": f"{crf:g}"},
        presets=_names("preset", SPEEDS),
        always={**_X264, **_reproducible()},
        for_large={
            "rc-lookahead": "20"
        },  # 0.5 GB less at 3840x2160, where 40 pictures are half of all memory
    ),
    "libx265": _EncoderSettings(
        lambda crf: {"crf": f"{crf:g}"},
        presets=_names("preset", SPEEDS),
        always={**_X264, "x265-params": "log-level=none"},  # it writes to stderr by itself
        least_width=64,  # below, x265 4.2 writes past the end of its memory (36x52, 40x64, 48x96 …)
    ),
    "libsvtav1": _EncoderSettings(
        _rounded_to("crf"),
        largest_crf=63,
        presets=_SVT | {str(step): {"preset": str(step)} for step in range(14)},
        environment={"SVT_LOG": "1"},  # errors only: it writes to stderr by itself
    ),
    "libvpx-vp9": _EncoderSettings(
        _rounded_to("crf"),
        largest_crf=63,
        presets=_VP9
        | _names("deadline", ("best", "good", "realtime"))
        | {str(step): {"deadline": "good", "cpu-used": str(step)} for step in range(9)},
        always={"row-mt": "1"},
        for_format=_vp9_alpha,
    ),
    "prores_ks": _EncoderSettings(
        presets=_steps("profile", *("proxy",) * 2, *("lt",) * 2, "standard", *("hq",) * 5)
        | _names("profile", _PRORES),
        always={"vendor": "apl0"},  # Apple's programs refuse other vendors
        for_format=_prores_profile,
        why_no_quality=f"its --preset is its quality ({', '.join(_PRORES)})",
    ),
    "ffv1": _EncoderSettings(
        presets=_steps("context", *(0,) * 6, *(1,) * 4),
        always={"level": "3", "slicecrc": "1", "g": "1"},
        why_no_quality="it is lossless",
    ),
    "rawvideo": _EncoderSettings(why_no_quality="it is not compressed"),
    "gif": _EncoderSettings(why_no_quality="it has 256 colours and nothing to set"),
    "png": _EncoderSettings(why_no_quality="it is lossless"),
    "apng": _EncoderSettings(why_no_quality="it is lossless"),
    "libwebp_anim": _EncoderSettings(
        # its own scale runs from 0 to 100, higher is better
        lambda crf: {"lossless": "1"} if crf == 0 else {"quality": f"{100 - crf:g}"},
        largest_crf=63,
    ),
    "nvenc": _EncoderSettings(
        lambda crf: {"rc": "vbr", "cq": f"{max(crf, 1):g}"},  # cq=0 means "automatic"
        presets=_steps("preset", "p1", "p1", "p2", "p3", "p3", "p4", "p5", "p6", "p7", "p7")
        | _names("preset", _NVENC),
        always=_X264,
    ),
    "qsv": _EncoderSettings(_rounded_to("global_quality"), presets=_steps("preset", *_QSV)),
    "amf": _EncoderSettings(
        lambda crf: {"rc": "cqp", "qp_i": str(round(crf)), "qp_p": str(round(crf))},
        presets=_steps("quality", *("speed",) * 4, *("balanced",) * 2, *("quality",) * 4)
        | _names("quality", ("speed", "balanced", "quality")),
    ),
    "vaapi": _EncoderSettings(lambda crf: {"rc_mode": "CQP", "global_quality": str(round(crf))}),
    # 118 is FFmpeg's lambda for one step of quality; its own scale runs from 1 to 100, higher is better
    "videotoolbox": _EncoderSettings(
        lambda crf: {"flags": "+qscale", "global_quality": str(118 * round(100 - crf * 99 / 51))}
    ),
}
_DEFAULT_SETTINGS = _EncoderSettings(
    # a fixed quantiser from 1 to 31, which all of FFmpeg's own encoders share
    lambda crf: {"flags": "+qscale", "global_quality": str(118 * max(1, round(crf * 31 / 51)))}
)
