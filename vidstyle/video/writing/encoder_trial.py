"""Trials of encoders and containers before a run, to find early what they refuse."""

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
    """Open ``encoder`` with all its options, and write the header of a ``container`` in memory.

    ``container`` is FFmpeg's name of the muxer (``matroska``). There is no other way to find out which
    options an encoder silently ignores, and which codecs a container refuses.

    Raises:
        OptionError: an unknown option of the encoder, or an invalid value.
        OutputError: the container refuses the codec.
    """
    options = tuple(tuning.options.items())
    option_error, container_error = _trial_errors(encoder, pixel_format, options, tuning.bit_rate, container)
    if option_error:
        raise OptionError(option_error)
    if container_error:
        raise OutputError(container_error)


@lru_cache(maxsize=64)
def _trial_errors(
    encoder: str, pixel_format: str, options: tuple[tuple[str, str], ...], bit_rate: int, container: str
) -> tuple[str, str]:
    """The errors of the encoder's options and of the container; empty if there are none."""
    tuning = Tuning(dict(options), bit_rate)
    codec = open_codec(encoder, pixel_format, tuning)
    if codec.unused:
        return _unknown_option(encoder, codec.unused), ""
    if codec.error:
        return f"{encoder} does not open with these options ({codec.error})", ""
    # x264, x265 and svtav1 only warn of parameters that they do not know
    ignored = [text for text in codec.messages if "parsing option" in text or "Unknown option" in text]
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
    *,
    threads: int,
) -> None:
    """Set up a codec ``context`` that is not open yet; ``size`` is (width, height) in px, ``tick`` in s."""
    for name, value in environment(encoder).items():
        os.environ.setdefault(name, value)
    context.width, context.height = size
    context.pix_fmt = pixel_format
    context.time_base = tick
    # with PyAV's default, SLICE, x264 encodes each picture in independent slices, which costs quality
    context.thread_type = "AUTO"
    context.thread_count = threads
    if tuning.bit_rate:
        context.bit_rate = tuning.bit_rate
    context.options = dict(tuning.options)


def encoder_threads() -> int:
    """Threads of an encoder: half of the cores. Painting uses the others, and fewer need less memory."""
    return min(_MOST_THREADS, (_cores() + 1) // 2)


@contextmanager
def own_priority() -> Iterator[None]:
    """Give the thread its scheduling policy back: opened by root, SVT-AV1 leaves it a real-time one.

    All that the thread does then, and the threads and processes that it starts, would starve other programs.
    """
    if not hasattr(os, "sched_getscheduler"):  # Linux has it
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)


def hardware_device(encoder: str) -> HWAccel | None:
    """The device for encoders that take frames only on it (VAAPI); None for others."""
    return HWAccel("vaapi") if encoder.endswith("_vaapi") else None


def _cores() -> int:
    """Cores that this process may use; in a container fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Opened:
    """The outcome of opening an encoder."""

    unused: Mapping[str, str]
    """Options that the encoder did not take."""
    messages: tuple[str, ...]
    """FFmpeg's log messages."""
    error: str
    """Why it did not open; empty if it did."""


def open_codec(encoder: str, pixel_format: str, tuning: Tuning) -> Opened:
    """Open an encoder for 256x256 px and release it."""
    error: Exception | None = None
    with _captured_log() as messages:
        try:
            context = cast(
                "VideoCodecContext", av.CodecContext.create(encoder, "w", hwaccel=hardware_device(encoder))
            )
            configure(
                context, encoder, pixel_format, _SIZE, Fraction(1, 25), tuning, threads=encoder_threads()
            )
            with own_priority():
                context.open()
            unused = dict(context.options)
        except (av.error.FFmpegError, ValueError, RuntimeError) as caught:
            error, unused = caught, {}
    return Opened(unused, tuple(messages), _reason(messages, error))


def _write_header(encoder: str, pixel_format: str, tuning: Tuning, container: str) -> str:
    """Write a container's header in memory; returns the error, or an empty text."""
    error: Exception | None = None
    trailer = suppress(av.error.FFmpegError)  # fails for an empty file, which does not matter
    with _captured_log() as messages, trailer, av.open(io.BytesIO(), "w", format=container) as out:
        try:
            added = out.add_stream(encoder, rate=25, hwaccel=hardware_device(encoder))
            stream = cast("VideoStream", added)
        except ValueError:
            return "it has no place for that codec"
        threads = encoder_threads()
        configure(
            stream.codec_context, encoder, pixel_format, _SIZE, Fraction(1, 25), tuning, threads=threads
        )
        try:
            with own_priority():
                out.start_encoding()
        except av.error.FFmpegError as caught:
            error = caught
    return _reason(messages, error)


@contextmanager
def _captured_log() -> Iterator[list[str]]:
    """Yield a list that receives FFmpeg's log messages of this thread when the context ends."""
    messages: list[str] = []
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=True) as records:
            try:
                yield messages
            finally:
                messages += [text.strip().rstrip(".") for _, _, text in records if text.strip()]
    finally:
        av.logging.set_level(level)


def _reason(messages: list[str], error: Exception | None) -> str:
    """One short line: FFmpeg's first message, or the error itself; empty without an error."""
    if error is None:
        return ""
    return messages[0] if messages else str(getattr(error, "strerror", None) or error)


def _unknown_option(encoder: str, unused: Mapping[str, str]) -> str:
    """The error for the first of the options that the encoder did not take, with a suggestion."""
    known = av.CodecContext.create(encoder, "w").supported_options
    names = {option.name for option in (*known.private, *known.generic)}
    name = next(iter(unused))
    hint = suggestion(name, names)
    return f"{encoder} has no option {name!r}; " + (
        hint if hint.startswith("did") else f"see `ffmpeg -h encoder={encoder}`"
    )
