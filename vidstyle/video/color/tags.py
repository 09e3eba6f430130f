"""Colour tags of a decoded picture: matrix, primaries, transfer and range, with defaults for missing ones."""

from __future__ import annotations

import av
from av.video.reformatter import ColorRange, Colorspace

from vidstyle.errors import InputError
from vidstyle.frames import ColorTags

UNSPECIFIED = 2  # of a matrix, primaries or transfer
BT709, SMPTE170M, BT470BG, BT2020, SRGB, PQ, HLG = 1, 6, 5, 9, 13, 16, 18
SDR_TAGS = ColorTags(matrix=BT709, primaries=BT709, transfer=BT709)
PICTURE_TAGS = ColorTags(matrix=BT709, primaries=BT709, transfer=SRGB)
"""Tags of a video made from pictures (PNG, GIF, a folder)."""

_HD_LINES = 720  # untagged pictures of this many lines or more are BT.709, else BT.601

# AVColorSpace -> libswscale's constants, which are others
SCALER_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
_MATRIX_OF_PRIMARIES = {1: BT709, 4: 4, 5: BT470BG, 6: SMPTE170M, 7: 7, 9: BT2020}
_UNCONVERTIBLE = {
    8: "YCgCo",
    10: "BT.2020 constant luminance",
    11: "Y'D'zD'x",
    13: "chroma-derived constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-R even",
    17: "YCgCo-R odd",
}


def decode_tags(
    frame: av.VideoFrame, context: av.CodecContext | None = None, *, name: str = "the video"
) -> ColorTags:
    """The colour tags of a decoded ``frame``; the matrix and range are always specified.

    ``context``, the stream's codec context, is used for tags that the frame lacks. Without a matrix that of
    the primaries is used; without those, BT.709 from 720 lines on, else BT.601. RGB and palette pictures get
    the matrix for a YUV result.

    Raises:
        InputError: the matrix is unsupported; ``name`` is the file's, for the message.
    """
    primaries = _first_known(frame.color_primaries, getattr(context, "color_primaries", 0))
    transfer = _first_known(frame.color_trc, getattr(context, "color_trc", 0))
    if is_rgb(frame.format):
        return ColorTags(BT709 if primaries == UNSPECIFIED else _matrix_of(primaries), primaries, transfer)
    matrix = _first_known(frame.colorspace, getattr(context, "colorspace", 0))
    if matrix in _UNCONVERTIBLE:
        raise InputError(
            f"{name} stores its colours as {_UNCONVERTIBLE[matrix]}, which cannot be converted; "
            "convert the file to BT.709 first"
        )
    if matrix not in SCALER_MATRICES:
        matrix = _matrix_of(primaries)
        if primaries == UNSPECIFIED:
            lines = frame.height
            matrix = BT709 if lines >= _HD_LINES else BT470BG if lines == 576 else SMPTE170M
    color_range = frame.color_range or getattr(context, "color_range", 0)
    is_gray = len(frame.format.components) < 3
    full = (
        color_range == ColorRange.JPEG
        or frame.format.name.startswith("yuvj")
        or (is_gray and color_range != ColorRange.MPEG)
    )
    return ColorTags(matrix, primaries, transfer, full)


def is_hdr(tags: ColorTags) -> bool:
    """Whether the transfer is PQ (HDR10, Dolby Vision) or HLG."""
    return tags.transfer in (PQ, HLG)


def sample_bits(pixel_format: av.VideoFormat) -> int:
    """Bits of the widest component; 8 for a palette. Frames are uint8 up to 8, uint16 above."""
    if pixel_format.has_palette:
        return 8
    return int(max(component.bits for component in pixel_format.components))


def has_alpha(pixel_format: av.VideoFormat) -> bool:
    """Whether pictures of this format carry an alpha channel."""
    return any(component.is_alpha for component in pixel_format.components)


def is_rgb(pixel_format: av.VideoFormat) -> bool:
    """Whether samples are RGB or a palette of it, without a YUV matrix."""
    # libswscale converts XYZ (digital cinema) to RGB without a YUV matrix
    return pixel_format.is_rgb or pixel_format.has_palette or pixel_format.name.startswith("xyz")


def _first_known(*values: int) -> int:
    """The first specified code point; 0 and 3 are reserved (0 as a matrix means RGB)."""
    return next((int(value) for value in values if value not in (0, UNSPECIFIED, 3)), UNSPECIFIED)


def _matrix_of(primaries: int) -> int:
    return _MATRIX_OF_PRIMARIES.get(primaries, BT709)
