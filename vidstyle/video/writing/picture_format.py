"""Which pictures an encoder gets: their size, pixel format, depth and alpha, said once and kept to."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from vidstyle.errors import OptionError
from vidstyle.frames import ColorTags, Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.color.conversion import from_rgb
from vidstyle.video.color.tags import BT709, SCALER_MATRICES, SMPTE170M, has_alpha, is_rgb, sample_bits
from vidstyle.video.writing.codecs import CODECS, family, pixel_format_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """What the pictures of one result are like."""

    name: str
    """FFmpeg's pixel format."""
    source: tuple[int, int]
    """(width, height) of the frames in px."""
    size: tuple[int, int]
    """(width, height) of the result in px: the same, or cropped to even numbers."""
    tags: ColorTags

    def picture(self, frame: Frame, scaler: VideoReformatter) -> Any:
        """The ``av.VideoFrame`` of a ``frame``, without time; OptionError if its size differs."""
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
    """What ``encoder`` gets for frames like the ``first``; warns of all that it or its file cannot hold.

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
    if encoder == "libx265" and width < _X265_WIDTH:
        raise OptionError(
            f"x265 cannot encode pictures narrower than {_X265_WIDTH} px, {target.name} is {width}x{height}; "
            "use --codec h264"
        )
    name = pixel_format_of(encoder, bits=bits, alpha=wants_alpha, odd=odd, preset=options.preset)
    made = family(encoder)
    if made == "vp9" and target.suffix.lower() not in CODECS["vp9"].containers:
        name = name.replace("yuva", "yuv")  # MP4 would drop its alpha without a word
    wanted = av.VideoFormat(name, width, height)
    if wants_alpha and not has_alpha(wanted) and made != "gif":
        where = f"{made} in {target.suffix}" if target.suffix else made
        log.warning("%s does not hold alpha: it is left out (%s hold it)", where, _ALPHA_HOLDERS)
    if bits > 8 and sample_bits(wanted) <= 8 and made != "gif":
        log.warning("%s holds 8 bits here: %s loses the finer steps of its %d", made, target.name, bits)
    if odd and made in ("h264", "hevc"):
        if (wanted.components[1].width, wanted.components[1].height) == (width, height):
            log.warning(
                "%s is %dx%d: odd sizes are kept as 4:4:4, which some players refuse (--even crops a line)",
                target.name,
                width,
                height,
            )
        else:
            log.warning("%s cannot hold odd sizes: a line of %s is cropped", encoder, target.name)
            width, height = width - width % 2, height - height % 2
    return PictureFormat(name, (first.width, first.height), (width, height), _tags(like, made, wanted))


def _tags(like: VideoInfo, made: str, wanted: Any) -> ColorTags:
    tags = like.color
    if tags.matrix not in SCALER_MATRICES:  # unknown: what players take for granted, and say so
        tags = replace(tags, matrix=BT709 if wanted.height >= _HD_LINES else SMPTE170M)
    if made == "prores" and tags.full_range:  # it has no full range
        return replace(tags, full_range=False)
    if is_rgb(wanted) and tags.primaries in _COMMON_PRIMARIES and made in ("png", "apng", "gif", "webp"):
        return ColorTags()  # untagged, so that viewers show the numbers as players show those of a video
    return tags


_HD_LINES = 720
_X265_WIDTH = 64  # px: below, x265 4.2 writes past the end of its memory (36x52, 40x64, 48x96 …)
_COMMON_PRIMARIES = (1, 2, 5, 6)  # BT.709, none, and both BT.601: no screen tells them apart
_ALPHA_HOLDERS = "vp9 in .webm, prores in .mov, ffv1 in .mkv, png, apng, webp"
