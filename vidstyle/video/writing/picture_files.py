"""Results without sound: a folder of PNG pictures, and animated pictures (APNG and WebP)."""

from __future__ import annotations

import logging
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.video.reformatter import VideoReformatter

from vidstyle.frames import Frame, VideoInfo
from vidstyle.video.writing.encoded_file import EncodedFile
from vidstyle.video.writing.picture_format import PictureFormat
from vidstyle.video.writing.target import OutputPlan

log = logging.getLogger(__name__)

_PNG = b"\x89PNG\r\n\x1a\n"  # the signature of the file


class PictureFolder:
    """Numbered PNG pictures, ``000001.png`` and so on: 8 or 16 bits, with alpha where the frames have it."""

    def __init__(
        self, path: Path, picture_format: PictureFormat, like: VideoInfo, *, warns: bool = True
    ) -> None:
        self._path, self._picture_format, self._warns = path, picture_format, warns
        self._scaler = VideoReformatter()
        self._aspect = like.pixel_aspect.limit_denominator(65535)
        self._count = 0
        self._duration: Fraction | None = None
        self._is_uneven = False
        path.mkdir(exist_ok=True)
        for file in path.iterdir():  # of a run that was killed
            file.unlink()

    def write(self, frame: Frame) -> None:
        if self._duration is not None and frame.duration != self._duration:
            self._is_uneven = True
        self._duration = frame.duration
        self._count += 1
        (self._path / f"{self._count:06d}.png").write_bytes(self._encoded(frame))

    def finish(self) -> None:
        if self._is_uneven and self._warns:
            log.warning("the pictures are shown for different times, which a folder cannot say")

    def abort(self) -> None:
        """Do nothing: no file is open between two pictures."""

    def _encoded(self, frame: Frame) -> bytes:
        picture = self._picture_format.picture(frame, self._scaler)
        picture.pts = self._count
        context = av.CodecContext.create("png", "w")
        context.width, context.height = self._picture_format.size
        context.pix_fmt = self._picture_format.name
        context.time_base = Fraction(1)
        context.thread_count = 1
        context.options = {"compression_level": "3", "pred": "mixed"}
        if self._aspect != 1:
            context.sample_aspect_ratio = self._aspect
        return b"".join(bytes(packet) for packet in (*context.encode(picture), *context.encode(None)))


class AnimatedPictureFile(EncodedFile):
    """An animated PNG or WebP."""

    def __init__(
        self,
        path: Path,
        plan: OutputPlan,
        picture_format: PictureFormat,
        first: Frame,
        *,
        like: VideoInfo,
    ) -> None:
        super().__init__(path, plan, picture_format, first, like=like, source=None, tags={})
        self._path = path
        self._first_time = first.time

    def finish(self) -> None:
        """Complete the file, with the last picture's duration, which FFmpeg only guesses."""
        super().finish()
        assert self.last is not None
        with self._path.open("rb+") as file:
            if _read_at(file, 0, len(_PNG)) == _PNG:
                _set_last_delay_png(file, self.last.duration)
            else:
                _set_last_delay_webp(file, self.last.time + self.last.duration - self._first_time)


def _set_last_delay_png(file: BinaryIO, duration: Fraction) -> None:
    """Write ``duration`` (s) into the last frame control chunk (PNG, third edition, 11.3.6.2)."""
    delay = duration.limit_denominator(65535)
    if delay.numerator > 65535:
        delay = Fraction(min(65535, round(duration * 10)), 10)
    position, last = 8, None
    while len(head := _read_at(file, position, 8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"fcTL":
            last = position
        position += 12 + length
    if last is None:  # one picture is no animation
        return
    chunk = bytearray(_read_at(file, last + 4, 4 + 26))
    struct.pack_into(">HH", chunk, 4 + 20, delay.numerator, delay.denominator)
    file.seek(last + 4)
    file.write(bytes(chunk) + struct.pack(">I", zlib.crc32(chunk)))


def _set_last_delay_webp(file: BinaryIO, total: Fraction) -> None:
    """Set the last duration so that all frames last ``total`` s (WebP container specification, "ANMF chunk").

    The last frame may stand for several, as the encoder merges equal pictures.
    """
    position, last, before = 12, None, 0
    while len(head := _read_at(file, position, 8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        if kind == b"ANMF":
            if last is not None:
                before += int.from_bytes(_read_at(file, last + 8 + 12, 3), "little")
            last = position
        position += 8 + length + length % 2
    if last is not None:
        file.seek(last + 8 + 12)
        file.write(max(1, min(round(total * 1000) - before, 2**24 - 1)).to_bytes(3, "little"))


def _read_at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)
