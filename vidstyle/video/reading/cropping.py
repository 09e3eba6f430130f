"""The cropping of Matroska files (PixelCropTop and so on), which FFmpeg's decoders do not apply."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.frames import Pixels
from vidstyle.video.ebml import SEGMENT, TRACK, TRACKS, VIDEO, elements
from vidstyle.video.reading.demuxers import demuxer_of

if TYPE_CHECKING:
    import av

_KIND, _PICTURES = 0x83, 1  # of a track
_SIDES = {0x54BB: "top", 0x54AA: "bottom", 0x54CC: "left", 0x54DD: "right"}  # RFC 9559, 5.1.4.1.28.9 to .12


@dataclass(frozen=True, slots=True)
class Crop:
    """Rows and columns to cut off, px, before rotation."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __call__(self, pixels: Pixels) -> Pixels:
        """``pixels`` (H, W, ...) cropped; unchanged if nothing would be left."""
        height, width = pixels.shape[:2]
        if not self.fits(width, height):
            return pixels
        return pixels[self.top : height - self.bottom, self.left : width - self.right]

    def fits(self, width: int, height: int) -> bool:
        """Whether anything is left of a picture of this size."""
        return self.top + self.bottom < height and self.left + self.right < width


def crop_of(path: Path, stream: av.VideoStream) -> Crop:
    """The crop of ``stream``; none for other containers, pipes and damaged headers."""
    if not demuxer_of(stream.container).has_cropping:
        return Crop()
    number = [other.index for other in stream.container.streams.video].index(stream.index)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for index, crop in enumerate(_crops(data)):
                if index == number:
                    return crop
    except (OSError, ValueError):  # pipes cannot be memory-mapped
        return Crop()
    return Crop()


def _crops(data: mmap.mmap) -> Iterator[Crop]:
    """The crop of each video track."""
    segment = next((item for item in elements(data, 0, len(data)) if item.kind == SEGMENT), None)
    if segment is None:
        return
    tracks = next((item for item in elements(data, segment.begin, segment.end) if item.kind == TRACKS), None)
    if tracks is None:
        return
    for track in elements(data, tracks.begin, tracks.end):
        fields = (
            {item.kind: item for item in elements(data, track.begin, track.end)}
            if track.kind == TRACK
            else {}
        )
        kind = fields.get(_KIND)
        if kind is None or int.from_bytes(data[kind.begin : kind.end], "big") != _PICTURES:
            continue
        sides: dict[str, int] = {}
        if (video := fields.get(VIDEO)) is not None:
            for item in elements(data, video.begin, video.end):
                if item.kind in _SIDES and item.end - item.begin <= 8:
                    sides[_SIDES[item.kind]] = int.from_bytes(data[item.begin : item.end], "big")
        yield Crop(**sides)
