"""The format of the pictures that an encoder gets: size, pixel format and colour tags."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

from vidstyle.errors import OptionError
from vidstyle.frames import ColorTags, Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.color.conversion import from_rgb
from vidstyle.video.color.tags import BT709, SCALER_MATRICES, SMPTE170M, has_alpha, is_rgb, sample_bits
from vidstyle.video.writing.codecs import CODECS, DEFAULT_CODEC, Codec, codec_of, pixel_format_of
from vidstyle.video.writing.encoder_settings import least_width

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """The format of the pictures of one result."""

    name: str
    """FFmpeg's pixel format."""
    source: tuple[int, int]
    """(width, height) of the frames in px."""
    size: tuple[int, int]
    """(width, height) of the result in px: the same, or cropped to even numbers."""
    tags: ColorTags

    def picture(self, frame: Frame, scaler: VideoReformatter) -> av.VideoFrame:
        """``frame`` converted to this format, without a time; raises ``OptionError`` if its size differs."""
        if (frame.width, frame.height) != self.source:
            raise OptionError(
                f"all frames must have the size of the first, {self.source[0]}x{self.source[1]}, "
                f"got {frame.width}x{frame.height} at {float(frame.time):.3f} s"
            )
        width, height = self.size
        alpha = None if frame.alpha is None else frame.alpha[:height, :width]
        return from_rgb(frame.pixels[:height, :width], alpha, self.name, self.tags, scaler)


def choose_format(
    encoder: str, first: Frame, like: VideoInfo, options: WriteOptions, target: Path
) -> PictureFormat:
    """The picture format of ``encoder`` for frames like ``first``; warns of what it or the file cannot hold.

    Raises:
        OptionError: a picture too small for the encoder.
    """
    bits = 8 if first.bits == 8 else like.bits if like.bits > 8 else 16
    wants_alpha = first.alpha is not None or like.has_alpha
    width, height = first.width, first.height
    if options.even:
        width, height = width - width % 2, height - height % 2
    if not width or not height:
        raise OptionError(f"--even leaves nothing of a picture of {first.width}x{first.height}")
    odd = bool(width % 2 or height % 2)
    if width < least_width(encoder):
        raise OptionError(
            f"{encoder.removeprefix('lib')} cannot encode pictures narrower than {least_width(encoder)} px, "
            f"{target.name} is {width}x{height}; use --codec {DEFAULT_CODEC}"
        )
    name = pixel_format_of(encoder, bits=bits, alpha=wants_alpha, odd=odd, preset=options.preset)
    codec = codec_of(encoder)
    if codec.loses_alpha_in_other_files and target.suffix.lower() not in codec.containers:
        name = name.replace("yuva", "yuv")
    pixel_format = av.VideoFormat(name, width, height)
    if wants_alpha and not has_alpha(pixel_format) and not codec.has_palette:
        where = f"{codec.name} in {target.suffix}" if target.suffix else codec.name
        log.warning("%s does not hold alpha: it is left out (%s hold it)", where, _alpha_holders())
    if bits > 8 and sample_bits(pixel_format) <= 8 and not codec.has_palette:
        log.warning("%s holds 8 bits here: %s loses the finer steps of its %d", codec.name, target.name, bits)
    if odd and codec.needs_444_when_odd:
        if (pixel_format.components[1].width, pixel_format.components[1].height) == (width, height):
            log.warning(
                "%s is %dx%d: odd sizes are kept as 4:4:4, which some players refuse (--even crops a line)",
                target.name,
                width,
                height,
            )
        else:
            log.warning("%s cannot hold odd sizes: a line of %s is cropped", encoder, target.name)
            width, height = width - width % 2, height - height % 2
    return PictureFormat(name, (first.width, first.height), (width, height), _tags(like, codec, pixel_format))


def _alpha_holders() -> str:
    """The codecs that hold alpha, with the extensions: ``vp9 in .webm, png``."""
    holders = [codec for codec in CODECS.values() if codec.alpha_formats is not None]
    return ", ".join(
        codec.name if codec.is_picture else f"{codec.name} in {codec.extension}" for codec in holders
    )


def _tags(like: VideoInfo, codec: Codec, pixel_format: av.VideoFormat) -> ColorTags:
    """The colour tags of the result: those of the source where the codec can keep them."""
    tags = like.color
    if tags.matrix not in SCALER_MATRICES:  # unknown: players assume these, and the tags say so
        tags = replace(tags, matrix=BT709 if pixel_format.height >= _HD_LINES else SMPTE170M)
    if not codec.has_color_tags:  # readers assume these
        return ColorTags(matrix=BT709 if pixel_format.height >= _HD_LINES else SMPTE170M)
    if tags.full_range and not codec.has_full_range:
        return replace(tags, full_range=False)
    if is_rgb(pixel_format) and tags.primaries in _COMMON_PRIMARIES and codec.is_picture:
        return ColorTags()  # untagged, so that viewers show the same colours as players of the video
    return tags


_HD_LINES = 720  # px, height from which players assume BT.709
_COMMON_PRIMARIES = (1, 2, 5, 6)  # BT.709, unspecified, and both of BT.601: hardly different on a screen
