"""Encoders and containers opened for nothing, to learn early what they refuse."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import cast

import av
import av.logging
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vidstyle.errors import OptionError, OutputError, suggestion
from vidstyle.video.writing.encoder_settings import Tuning, environment

_MOST_THREADS = 16
_SIZE = (256, 256)  # px: some hardware refuses less


def try_encoder(encoder: str, pixel_format: str, tuning: Tuning, container: str) -> None:
    """Open ``encoder`` with all its options and write the header of a ``container`` that goes nowhere.

    ``container`` is FFmpeg's name of it (``matroska``). The only way to find out early what an encoder
    silently ignores and what a container refuses.

    Raises:
        OptionError: an option that the encoder does not know, or a value that it does not take.
        OutputError: the container refuses the codec.
    """
    options = tuple(tuning.options.items())
    about_options, about_container = _rehearsed(encoder, pixel_format, options, tuning.bit_rate, container)
    if about_options:
        raise OptionError(about_options)
    if about_container:
        raise OutputError(about_container)


@lru_cache(maxsize=64)
def _rehearsed(
    encoder: str, pixel_format: str, options: tuple[tuple[str, str], ...], bit_rate: int, container: str
) -> tuple[str, str]:
    """What is wrong with these options, and with this container; two empty texts if all is well."""
    tuning = Tuning(dict(options), bit_rate)
    codec = open_codec(encoder, pixel_format, tuning)
    if codec.unused:
        return _unknown_option(encoder, codec.unused), ""
    if codec.error:
        return f"{encoder} does not open with these options ({codec.error})", ""
    # x264, x265 and svtav1 only warn of parameters that they do not know
    ignored = [text for text in codec.said if "parsing option" in text or "Unknown option" in text]
    if ignored:
        return f"{encoder} does not know all of its options ({ignored[0]})", ""
    return "", _write_header(encoder, pixel_format, tuning, container)


def configure(
    context: VideoCodecContext,
    encoder: str,
    pixel_format: str,
    size: tuple[int, int],
    tick: Fraction,
    tuning: Tuning,
) -> None:
    """Set up a codec ``context`` that is not open yet; ``size`` is (width, height) in px, ``tick`` in s."""
    for name, value in environment(encoder).items():
        os.environ.setdefault(name, value)
    context.width, context.height = size
    context.pix_fmt = pixel_format
    context.time_base = tick
    # PyAV's default, SLICE, makes x264 cut each picture into slices that cannot see each other
    context.thread_type = "AUTO"
    # half of the cores: painting wants the others, and fewer threads are less work and memory
    context.thread_count = min(_MOST_THREADS, (_cores() + 1) // 2)
    if tuning.bit_rate:
        context.bit_rate = tuning.bit_rate
    context.options = dict(tuning.options)


def hardware_device(encoder: str) -> HWAccel | None:
    """The device that must be opened for encoders that take frames on it only (VAAPI), else None."""
    return HWAccel("vaapi") if encoder.endswith("_vaapi") else None


def _cores() -> int:
    """Cores that this process may use, which in containers are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Opened:
    unused: Mapping[str, str]
    """Options that the encoder did not take."""
    said: tuple[str, ...]
    """What FFmpeg had to say, line by line."""
    error: str
    """Why it did not open; empty if it did."""


def open_codec(encoder: str, pixel_format: str, tuning: Tuning) -> Opened:
    """Open an encoder at 256x256 and let it go again."""
    error: Exception | None = None
    with _listen() as said:
        try:
            context = cast(
                "VideoCodecContext", av.CodecContext.create(encoder, "w", hwaccel=hardware_device(encoder))
            )
            configure(context, encoder, pixel_format, _SIZE, Fraction(1, 25), tuning)
            context.open()
            unused = dict(context.options)
        except (av.error.FFmpegError, ValueError, RuntimeError) as caught:
            error, unused = caught, {}
    return Opened(unused, tuple(said), _reason(said, error))


def _write_header(encoder: str, pixel_format: str, tuning: Tuning, container: str) -> str:
    """Write a container's header to nowhere; why it refused, or an empty text."""
    error: Exception | None = None
    nowhere = suppress(av.error.FFmpegError)  # the trailer of an empty file: nobody wants it
    with _listen() as said, nowhere, av.open(io.BytesIO(), "w", format=container) as out:
        try:
            added = out.add_stream(encoder, rate=25, hwaccel=hardware_device(encoder))
            stream = cast("VideoStream", added)
        except ValueError:
            return "it has no place for that codec"
        configure(stream.codec_context, encoder, pixel_format, _SIZE, Fraction(1, 25), tuning)
        try:
            out.start_encoding()
        except av.error.FFmpegError as caught:
            error = caught
    return _reason(said, error)


@contextmanager
def _listen() -> Iterator[list[str]]:
    """Collect what FFmpeg says in this thread, line by line, instead of dropping it."""
    said: list[str] = []
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=True) as records:
            try:
                yield said
            finally:
                said += [text.strip().rstrip(".") for _, _, text in records if text.strip()]
    finally:
        av.logging.set_level(level)


def _reason(said: list[str], error: Exception | None) -> str:
    """One short line: what FFmpeg said first, or the error itself; empty without an error."""
    if error is None:
        return ""
    return said[0] if said else str(getattr(error, "strerror", None) or error)


def _unknown_option(encoder: str, left: Mapping[str, str]) -> str:
    known = av.CodecContext.create(encoder, "w").supported_options
    names = {option.name for option in (*known.private, *known.generic)}
    name = next(iter(left))
    hint = suggestion(name, names)
    return f"{encoder} has no option {name!r}; " + (
        hint if hint.startswith("did") else f"see `ffmpeg -h encoder={encoder}`"
    )
