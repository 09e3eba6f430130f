"""Decoded pictures into pixels: upright, full-range RGB in SDR, all of the first one's size and depth."""

from __future__ import annotations

import logging
import struct
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from vidstyle.errors import InputError
from vidstyle.frames import ColorTags, Pixels
from vidstyle.video.color.conversion import to_rgb
from vidstyle.video.color.tags import HLG, SDR_TAGS, decode_tags, is_hdr, sample_bits
from vidstyle.video.color.tone_mapping import DEFAULT_PEAK, SDR_WHITE, ToneMap

log = logging.getLogger(__name__)

_TRANSFER_NAMES = {16: "PQ", 18: "HLG"}


class Converter:
    """Decoded pictures of one file into pixels of one size and depth."""

    def __init__(self, path: Path, first: av.VideoFrame, stream: Any, hdr: str) -> None:
        """Learn from the ``first`` picture; ``hdr`` is "tonemap" or "refuse" (``InputError``)."""
        self._name = str(path)
        self._context = stream.codec_context
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
        if self.is_turned:
            self.width, self.height = self.height, self.width

    def __call__(self, frame: av.VideoFrame) -> tuple[Pixels, Pixels | None]:
        """Upright pixels and alpha of the first picture's size and depth."""
        try:
            pixels, alpha = to_rgb(frame, self._tags(frame), self._scaler)
        except av.error.FFmpegError as error:
            raise InputError(
                f"{self._name} has pictures in the format {frame.format.name}, which cannot be converted; "
                "convert the file first"
            ) from error
        if self._tone_map is not None:
            pixels = self._tone_map(pixels)
        if (
            frame.rotation != self._rotation
        ):  # looking at side data makes a cycle that keeps the picture alive
            self._rotation, self._orientation = frame.rotation, _orientation(frame)
        turns, mirrored = self._orientation
        return self._fitted(_upright(pixels, turns, mirrored)), (
            None if alpha is None else self._fitted(_upright(alpha, turns, mirrored))
        )

    def _tags(self, frame: av.VideoFrame) -> ColorTags:
        return decode_tags(frame, self._context, name=self._name)

    def _fitted(self, pixels: Any) -> Any:
        """The same samples where nothing has changed since the first picture, as in nearly every file."""
        if pixels.shape[:2] != (self.height, self.width):
            self._warn_once(
                "%s changes its size to %dx%d; those pictures are scaled to the first's %dx%d",
                self._name, pixels.shape[1], pixels.shape[0], self.width, self.height,
            )  # fmt: skip
            shrinks = pixels.shape[0] > self.height
            way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
            pixels = cv2.resize(pixels, (self.width, self.height), interpolation=way)
        if pixels.dtype != self._dtype:
            self._warn_once("%s changes its depth; all is kept at %d bits", self._name, self.bits)
            if self._dtype == np.uint16:
                return pixels.astype(np.uint16) * np.uint16(257)
            return (pixels // 257).astype(np.uint8)
        return pixels

    def _warn_once(self, text: str, *values: object) -> None:
        if text not in self._warned:
            self._warned.add(text)
            log.warning(text, *values)


def _orientation(frame: av.VideoFrame) -> tuple[int, bool]:
    """Quarter turns counter-clockwise that set a picture upright, and whether it is mirrored before them."""
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


def _upright(pixels: Any, turns: int, mirrored: bool) -> Any:
    if not turns and not mirrored:
        return pixels
    if mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _peak(frame: av.VideoFrame) -> float:
    """The brightest light in cd/m2 that a PQ source claims, by its content or else its mastering display."""
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
    found: Any = frame.side_data.get(kind)
    return None if found is None else bytes(found)
