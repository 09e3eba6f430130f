"""Decoded pictures shrunk before their colours are converted, for what looks at thumbnails only."""

from __future__ import annotations

from collections.abc import Callable

import av
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from vidstyle.video.color.tags import decode_tags, is_hdr
from vidstyle.video.reading.cropping import Crop

_LEAST = 1.5  # times the wanted size: smaller pictures gain little


def shrinking(
    first: av.VideoFrame, stream: VideoStream, crop: Crop, side: int
) -> Callable[[av.VideoFrame], av.VideoFrame] | None:
    """What shrinks pictures like ``first`` to a long side of ``side`` px, in their own format.

    None for those that are small already, or are to be cropped, turned or tone-mapped: side data, which says
    so, is lost.
    """
    longest = max(first.width, first.height)
    is_plain = crop == Crop() and not first.side_data.get("DISPLAYMATRIX")
    if longest < _LEAST * side or not is_plain or is_hdr(decode_tags(first, stream.codec_context, name="")):
        return None
    # even, as chroma may be subsampled
    width, height = (max(2, round(each * side / longest / 2) * 2) for each in (first.width, first.height))
    scaler = VideoReformatter()

    def shrunk(picture: av.VideoFrame) -> av.VideoFrame:
        return scaler.reformat(picture, width=width, height=height, interpolation=Interpolation.AREA)

    return shrunk
