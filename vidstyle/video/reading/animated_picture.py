"""Animated pictures (GIF, PNG, WebP, AVIF) as frames with exact durations."""

from __future__ import annotations

import struct
from collections.abc import Generator
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.video.color.tags import PICTURE_TAGS
from vidstyle.video.pictures.animated import FORMATS, animation_indices
from vidstyle.video.pictures.picture_opening import DAMAGED, check_size, no_pillow_limit
from vidstyle.video.pictures.profiles import to_srgb
from vidstyle.video.reading.opening import check_file
from vidstyle.video.reading.pipes import is_pipe
from vidstyle.video.reading.timeline import Part, Timed

_DEFAULT_DURATION = Fraction(1, 10)  # s, of a frame without a duration, as in browsers and FFmpeg
_SHORTEST_GIF = Fraction(1, 50)  # s: shorter durations count as none, as in browsers and FFmpeg


def is_animation(path: Path) -> bool:
    """Whether a file has the signature of a GIF, PNG, WebP or AVIF; animated or not."""
    if is_pipe(path):
        return False
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return False
    return (
        head.startswith((b"GIF8", b"\x89PNG\r\n\x1a\n"))
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or head[4:12] in (b"ftypavis", b"ftypavif")
    )


class AnimatedPicture:
    """The frames of one animated picture; iterate once, and close."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        """Decode the file once for its durations.

        Raises:
            InputError: it cannot be read, or is a single picture.
            OptionError: the selected part is empty.
        """
        check_file(path)
        self._path = path
        self.skipped = 0
        try:
            with no_pillow_limit():
                self._image = Image.open(path, formats=FORMATS)
        except DAMAGED as error:
            raise InputError(f"{path} cannot be read as a picture: {error}") from error
        try:
            check_size(path, self._image.width, self._image.height)
            self._indices = self._animation_indices()
            if len(self._indices) < 2:
                raise InputError(f"{path} is a single picture, not a clip; paint it with `vidstyle image`")
            durations = self._durations()
            times = list(accumulate(durations, initial=Fraction(0)))
            timed = (Timed(index, times[index], length) for index, length in enumerate(durations))
            self._part = list(Part(options.start, options.end, options.frames).of(timed))
            if not self._part:
                length = float(sum(durations))
                raise OptionError(
                    f"{path} is {length:g} s long; nothing of it lies between --start and --end"
                )
            self.info = self._describe()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Generator[Frame, None, None]:
        for item in self._part:
            samples = self._picture(item.picture)
            alpha = np.ascontiguousarray(samples[..., 3]) if self.info.has_alpha else None
            pixels = np.ascontiguousarray(samples[..., :3])
            yield Frame(pixels, item.time - self.info.start, item.duration, alpha)

    def close(self) -> None:
        self._image.close()

    def _durations(self) -> list[Fraction]:
        """Durations (s) of all frames before the first that cannot be decoded."""
        exact = _png_delays(self._path) if self._image.format == "PNG" else []
        durations: list[Fraction] = []
        self._has_alpha = False
        for index in range(len(self._indices)):
            try:
                samples = self._picture(index)
            except InputError:
                if not durations:
                    raise
                self.skipped = len(self._indices) - index
                break
            self._has_alpha = self._has_alpha or bool((samples[..., 3] < 255).any())
            rounded = Fraction(self._image.info.get("duration", 0) or 0).limit_denominator(10**6) / 1000
            length = exact[index] if index < len(exact) else rounded
            has_none = length < _SHORTEST_GIF if self._image.format == "GIF" else length <= 0
            durations.append(_DEFAULT_DURATION if has_none else length)
        return durations

    def _animation_indices(self) -> range:
        try:
            return animation_indices(self._image)
        except DAMAGED as error:
            raise InputError(f"{self._path} is damaged or cut off: {error}") from error

    def _picture(self, index: int) -> NDArray[np.uint8]:
        """RGBA (H, W, 4) uint8 of a frame, composited onto the ones before it."""
        try:
            self._image.seek(self._indices[index])
            return np.asarray(to_srgb(self._image).convert("RGBA"), np.uint8)
        except DAMAGED as error:
            raise InputError(f"{self._path} is damaged at its picture {index + 1}: {error}") from error

    def _describe(self) -> VideoInfo:
        first, last = self._part[0], self._part[-1]
        length = last.time + last.duration - first.time
        tick = Fraction(1, np.lcm.reduce([item.time.denominator for item in self._part]))
        return VideoInfo(
            path=self._path,
            width=self._image.width,
            height=self._image.height,
            has_alpha=self._has_alpha,
            rate=len(self._part) / length,
            time_base=tick,
            duration=length,
            frames=len(self._part),
            start=first.time,
            color=PICTURE_TAGS,
            codec=str(self._image.format).lower(),
            container="animation",
            is_still_sequence=True,
            plays=self._plays(),
        )

    def _plays(self) -> int:
        """Number of times that the animation is played; 0 is for ever."""
        loop = self._image.info.get("loop")
        if self._image.format == "GIF":  # its loop count is of repetitions, absent for none
            return 1 if loop is None else int(loop) + 1 if loop else 0
        return int(loop or 0)


def _png_delays(path: Path) -> list[Fraction]:
    """Exact delays (s) of an animated PNG, from its fcTL chunks; Pillow rounds them."""
    data = path.read_bytes()
    delays, position = [], 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"fcTL" and position + 8 + 26 <= len(data):
            numerator, denominator = struct.unpack_from(">HH", data, position + 8 + 20)
            # a denominator of 0 means 100 (PNG 3rd edition, 11.3.6.2)
            delays.append(Fraction(numerator, denominator or 100))
        position += 12 + length
    return delays
