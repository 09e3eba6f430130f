"""The video stream of a result: its encoder, opened for pictures of one format, in a file that is written."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av.error
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter

from vidstyle.errors import OptionError
from vidstyle.video.writing.codecs import codec_of
from vidstyle.video.writing.encoder_settings import tune
from vidstyle.video.writing.encoder_trial import configure, hardware_device, own_priority

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from vidstyle.frames import Frame, VideoInfo
    from vidstyle.video.writing.picture_format import PictureFormat
    from vidstyle.video.writing.target import OutputPlan

_DEFAULT_RATE = Fraction(25)


def add_video_stream(
    out: OutputContainer,
    plan: OutputPlan,
    picture_format: PictureFormat,
    tick: Fraction,
    first: Frame,
    like: VideoInfo,
) -> VideoStream:
    """Add a stream for frames like ``first`` to ``out``, with the encoder of ``plan``, which is opened.

    ``tick`` (s) is its unit of time; rate and pixel aspect ratio are those of ``like``. Raises
    ``OptionError`` if the encoder does not open.
    """
    encoder = plan.encoder
    rate = like.rate if like.rate else 1 / first.duration if first.duration > 0 else _DEFAULT_RATE
    added = out.add_stream(encoder, rate=rate.limit_denominator(100_000), hwaccel=hardware_device(encoder))
    stream = cast("VideoStream", added)
    tuning = tune(encoder, plan.options, picture_format.name, picture_format.size)
    context = stream.codec_context
    configure(context, encoder, picture_format.name, picture_format.size, tick, tuning, threads=plan.threads)
    context.flags |= Flags.frame_duration
    if like.pixel_aspect != 1:
        context.sample_aspect_ratio = like.pixel_aspect.limit_denominator(65535)
    # its tags are those of the format, not of the source
    picture = picture_format.picture(first, VideoReformatter())
    context.colorspace, context.color_range = picture.colorspace, picture.color_range
    context.color_primaries, context.color_trc = picture.color_primaries, picture.color_trc
    codec = codec_of(encoder)
    if plan.container.is_mov and codec.mov_tag:
        context.codec_tag = codec.mov_tag
    try:
        with own_priority():
            context.open()
    except (av.error.FFmpegError, ValueError) as error:
        width, height = picture_format.size
        raise OptionError(
            f"{encoder} does not open for {width}x{height} in {picture_format.name} "
            f"({getattr(error, 'strerror', None) or error}); try another --codec"
        ) from error
    if context.options:
        raise OptionError(f"{encoder} has no option {next(iter(context.options))!r}")
    return stream
