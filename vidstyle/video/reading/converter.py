"""Converts decoded pictures to upright full-range RGB in SDR, of the first picture's size and depth."""

from __future__ import annotations

import logging
import struct
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.error
import cv2
import numpy as np
from av.buffer import Buffer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from vidstyle.errors import InputError
from vidstyle.frames import ColorTags, Pixels, eight_bits, sixteen_bits
from vidstyle.video.color.conversion import to_rgb
from vidstyle.video.color.tags import HLG, SDR_TAGS, decode_tags, is_hdr, sample_bits
from vidstyle.video.color.tone_mapping import DEFAULT_PEAK, SDR_WHITE, ToneMap
from vidstyle.video.reading.cropping import Crop

log = logging.getLogger(__name__)

_NARROW_BARS = 0.01  # of a side: narrower bars are avoided by stretching (1088 lines among 1080)
_TRANSFER_NAMES = {16: "PQ", 18: "HLG"}


class Converter:
    """Converts the decoded pictures of one file to pixels of one size and depth."""

    def __init__(self, path: Path, first: av.VideoFrame, stream: VideoStream, hdr: str, crop: Crop) -> None:
        """Take size, depth, colour and rotation from the ``first`` picture.

        ``hdr`` is "tonemap", or "refuse", which raises ``InputError`` for HDR; so do colours that cannot be
        converted.
        """
        self._crop = crop
        self._name = str(path)
        self._context = stream.codec_context
        self._first_aspect = self._pixel_aspect()
        self._scaler = VideoReformatter()
        self._warned: set[str] = set()
        tags = self._tags(first)
        self.bits = sample_bits(first.format)
        self.result_tags = tags
        self._tone_map: ToneMap | None = None
        if is_hdr(tags):
            kind = _TRANSFER_NAMES[tags.transfer]
            if hdr == "refuse":
                raise InputError(f"{path} is HDR ({kind}); --hdr tonemap brings it to SDR")
            peak = DEFAULT_PEAK if tags.transfer == HLG else _peak(first)
            log.warning("%s is HDR (%s); it is tone-mapped to SDR (BT.709)", path, kind)
            self._tone_map = ToneMap(tags.transfer, tags.primaries, peak)
            self.result_tags = SDR_TAGS
        self._dtype = np.dtype(np.uint16 if self.bits > 8 else np.uint8)
        self._rotation, self._orientation = first.rotation, _orientation(first)
        self.is_turned = self._orientation[0] % 2 == 1
        self.width, self.height = first.width, first.height
        if crop.fits(self.width, self.height):
            self.width -= crop.left + crop.right
            self.height -= crop.top + crop.bottom
        if self.is_turned:
            self.width, self.height = self.height, self.width

    def __call__(self, frame: av.VideoFrame) -> tuple[Pixels, Pixels | None]:
        """Upright pixels (H, W, 3) and alpha (H, W) or None, of the first picture's size and depth.

        Raises ``InputError`` if the picture's format or colours cannot be converted.
        """
        try:
            pixels, alpha = to_rgb(frame, self._tags(frame), self._scaler)
        except av.error.FFmpegError as error:
            raise InputError(
                f"{self._name} has pictures in the format {frame.format.name}, which cannot be converted; "
                "convert the file first"
            ) from error
        if self._crop != Crop():
            pixels, alpha = self._crop(pixels), None if alpha is None else self._crop(alpha)
        if self._tone_map is not None:
            pixels = self._tone_map(pixels)
        if (
            frame.rotation != self._rotation
        ):  # reading side data makes a reference cycle that keeps the picture alive
            self._rotation, self._orientation = frame.rotation, _orientation(frame)
        turns, mirrored = self._orientation
        return self._fitted(_upright(pixels, turns, mirrored)), (
            None if alpha is None else self._fitted(_upright(alpha, turns, mirrored))
        )

    def _tags(self, frame: av.VideoFrame) -> ColorTags:
        return decode_tags(frame, self._context, name=self._name)

    def _fitted(self, pixels: Pixels) -> Pixels:
        """``pixels`` at the first picture's size and depth; unchanged if they have them."""
        if pixels.shape[:2] != (self.height, self.width):
            self._warn_once(
                "%s changes its size to %dx%d; those pictures are fitted into the first's %dx%d",
                self._name, pixels.shape[1], pixels.shape[0], self.width, self.height,
            )  # fmt: skip
            aspect = self._pixel_aspect() / self._first_aspect
            if self._orientation[0] % 2:
                aspect = 1 / aspect
            pixels = letterboxed(pixels, self.width, self.height, aspect)
        if pixels.dtype != self._dtype:
            self._warn_once("%s changes its depth; all is kept at %d bits", self._name, self.bits)
            return sixteen_bits(pixels) if self._dtype == np.uint16 else eight_bits(pixels)
        return pixels

    def _pixel_aspect(self) -> Fraction:
        """Sample aspect ratio (width over height) of the current pictures, before rotation."""
        return Fraction(self._context.sample_aspect_ratio or 1) or Fraction(1)

    def _warn_once(self, text: str, *values: object) -> None:
        if text not in self._warned:
            self._warned.add(text)
            log.warning(text, *values)


def letterboxed(pixels: Pixels, width: int, height: int, aspect: Fraction = Fraction(1)) -> Pixels:
    """``pixels`` (H, W) or (H, W, 3) resized to fit into ``width`` x ``height`` px, with black bars.

    ``aspect`` is their sample aspect ratio over the result's.
    """
    shape = float(pixels.shape[1] * aspect), float(pixels.shape[0])
    scale = min(width / shape[0], height / shape[1])
    inner = [max(1, round(side * scale)) for side in shape]
    sides = [
        side if side - fitted <= max(2, side * _NARROW_BARS) else fitted
        for side, fitted in zip((width, height), inner, strict=True)
    ]
    interpolation = cv2.INTER_AREA if pixels.shape[0] > sides[1] else cv2.INTER_CUBIC
    result: Pixels = np.zeros((height, width, *pixels.shape[2:]), pixels.dtype)
    left, top = (width - sides[0]) // 2, (height - sides[1]) // 2
    resized = cv2.resize(pixels, (sides[0], sides[1]), interpolation=interpolation)
    result[top : top + sides[1], left : left + sides[0]] = resized
    return result


def _orientation(frame: av.VideoFrame) -> tuple[int, bool]:
    """Counter-clockwise quarter turns that make a picture upright, and whether it is mirrored before them."""
    matrix = _side_data(frame, "DISPLAYMATRIX")
    if matrix is None:
        return 0, False
    # (a b u, c d v, x y w), 16.16 fixed point: x' = a x + c y, y' = b x + d y
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    angle = float(np.degrees(np.arctan2(-b, a)))
    return round(angle / 90) % 4, mirrored


def _upright(pixels: Pixels, turns: int, mirrored: bool) -> Pixels:
    if not turns and not mirrored:
        return cast("Pixels", np.ascontiguousarray(pixels))
    if mirrored:
        pixels = pixels[:, ::-1]
    return cast("Pixels", np.ascontiguousarray(np.rot90(pixels, turns)))


def _peak(frame: av.VideoFrame) -> float:
    """Peak luminance (cd/m2) of a PQ source: its MaxCLL, or else its mastering display's."""
    brightest = 0.0
    level = _side_data(frame, "CONTENT_LIGHT_LEVEL")
    if level is not None:
        brightest = float(struct.unpack_from("=I", level)[0])  # MaxCLL
    mastering = _side_data(frame, "MASTERING_DISPLAY_METADATA")
    if not brightest and mastering is not None:
        # AVMasteringDisplayMetadata: 8 rationals of colour, then least and greatest luminance
        numerator, denominator = struct.unpack_from("=2i", mastering, 18 * 4)
        brightest = numerator / denominator if denominator else 0.0
    return min(max(brightest, SDR_WHITE), 10000.0) if brightest else DEFAULT_PEAK


def _side_data(frame: av.VideoFrame, kind: str) -> bytes | None:
    data = frame.side_data.get(kind)
    return None if data is None else bytes(cast("Buffer", data))
