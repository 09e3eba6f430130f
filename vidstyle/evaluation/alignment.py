"""A clip and its results, read side by side and matched by time, all at one size."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from vidstyle.errors import InputError
from vidstyle.frames import Frame, Pixels, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.video.reading.reader import Reader
from vidstyle.video.reading.sequence import is_sequence

log = logging.getLogger(__name__)

_TOLERANCE = Fraction(2, 100)  # relative difference of lengths, rates and aspect ratios: headers round
_FRAMES = 3  # frames by which lengths may always differ

Matched = tuple[Frame, dict[str, Pixels]]
"""A frame of the clip, and for each result the frame shown in the middle of its time."""


class Matching:
    """Frames of a clip matched with those of its results; a context, iterated once, in constant memory.

    All frames are downsampled to the smallest size (area averages), as upsampled ones would score as
    steadier. Sizes that differ by at most a pixel are cropped instead.
    """

    info: VideoInfo
    """The clip, with the size of the matched frames."""
    notes: list[str]
    """Differences between clip and results, in full sentences."""

    def __init__(self, clip: Path, results: Mapping[str, Path], options: ReadOptions) -> None:
        """Open all files.

        Args:
            clip: the source.
            results: name to file, folder or pattern of pictures.
            options: the part of the clip that the results show.

        Raises:
            InputError: a file cannot be read, or is not a result of this clip.
        """
        self.notes = []
        with ExitStack() as stack:
            self._clip = stack.enter_context(Reader(clip, options))
            self._results = {
                name: stack.enter_context(self._open(path, options)) for name, path in results.items()
            }
            infos = {name: reader.info for name, reader in self._results.items()}
            for info in infos.values():
                _check_shape(self._clip.info, info)
                _check_length(self._clip.info, info)
                self._note_rate(info)
            self._size = self._common_size([self._clip.info, *infos.values()])
            self._stack = stack.pop_all()
        self.info = replace(self._clip.info, width=self._size[1], height=self._size[0])

    def __enter__(self) -> Matching:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Matched]:
        with ExitStack() as stack:
            frames = stack.enter_context(_frames(self._clip))
            timed = {
                name: _TimedResult(stack.enter_context(_frames(reader)))
                for name, reader in self._results.items()
            }
            for frame in frames:
                middle = frame.time + frame.duration / 2
                pictures = {name: result.at(middle) for name, result in timed.items()}
                for name, picture in pictures.items():
                    if picture is None:
                        path = self._results[name].info.path
                        self._note(f"{path} ends at {float(frame.time):.3f} s, before the clip")
                        return
                yield (
                    replace(frame, pixels=self._fitted(frame.pixels), alpha=None),
                    {
                        name: self._fitted(picture)
                        for name, picture in pictures.items()
                        if picture is not None
                    },
                )

    def _open(self, path: Path, options: ReadOptions) -> Reader:
        """A reader of a result, limited to the duration of the selected frames of the clip."""
        clip = self._clip.info.rate
        # folders of pictures have no frame rate: the clip's is used
        rate = (options.rate or clip) if is_sequence(path) else None
        selected = ReadOptions(rate=rate, frames=options.frames, hdr=options.hdr)
        reader = Reader(path, selected)
        own = reader.info.rate
        if options.frames is None or not clip or not own or abs(clip - own) <= _TOLERANCE * clip:
            return reader
        with reader:
            return Reader(path, replace(selected, frames=ceil(options.frames * own / clip)))

    def _note(self, text: str) -> None:
        self.notes.append(text)
        log.warning("%s", text)

    def _note_rate(self, info: VideoInfo) -> None:
        clip = self._clip.info
        if clip.rate and info.rate and abs(clip.rate - info.rate) > _TOLERANCE * clip.rate:
            self._note(
                f"{info.path} has {float(info.rate):g} frames a second and the clip {float(clip.rate):g}: "
                "each frame of the clip is compared with the frame in its middle"
            )

    def _common_size(self, infos: list[VideoInfo]) -> tuple[int, int]:
        """The least height and width."""
        sizes = {(info.height, info.width) for info in infos}
        height, width = (min(sides) for sides in zip(*sizes, strict=True))
        if any(abs(h - height) > 1 or abs(w - width) > 1 for h, w in sizes):
            self._note(f"sizes differ: all is measured at {width}x{height}, the smallest")
        return height, width

    def _fitted(self, pixels: Pixels) -> Pixels:
        """``pixels`` (H, W, 3) cropped or downsampled to the common size."""
        height, width = self._size
        if 0 <= pixels.shape[0] - height <= 1 and 0 <= pixels.shape[1] - width <= 1:
            return cast(Pixels, np.ascontiguousarray(pixels[:height, :width]))
        return cast(Pixels, cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


class _TimedResult:
    """The frame of a result at a time; times must not decrease."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._now = next(frames, None)

    def at(self, time: Fraction) -> Pixels | None:
        """The pixels at ``time`` (s); None after the end of the result."""
        while self._now is not None and self._now.time + self._now.duration <= time:
            self._now = next(self._frames, None)
        return None if self._now is None else self._now.pixels


def _frames(reader: Reader) -> closing[Generator[Frame, None, None]]:
    return closing(iter(reader))  # type: ignore[arg-type]


def _check_shape(clip: VideoInfo, result: VideoInfo) -> None:
    """Raise ``InputError`` if the two have different aspect ratios."""
    is_near = abs(clip.width - result.width) <= 1 and abs(clip.height - result.height) <= 1
    shapes = [Fraction(info.width, info.height) * info.pixel_aspect for info in (clip, result)]
    if not is_near and abs(shapes[0] - shapes[1]) > _TOLERANCE * shapes[0]:
        raise InputError(
            f"{result.path} is {result.width}x{result.height} and {clip.path} {clip.width}x{clip.height}, "
            "which is another shape; give the clip that it was made from"
        )


def _check_length(clip: VideoInfo, result: VideoInfo) -> None:
    """Raise ``InputError`` if the durations in the headers differ too much."""
    lengths = [_length(info) for info in (clip, result)]
    if lengths[0] is None or lengths[1] is None:
        return
    slack = max(_TOLERANCE * lengths[0], _FRAMES / (clip.rate or Fraction(25)))
    if abs(lengths[0] - lengths[1]) > slack:
        raise InputError(
            f"{result.path} is {float(lengths[1]):.2f} s long and {clip.path} {float(lengths[0]):.2f} s; "
            "choose the same part with --start, --end or --frames"
        )


def _length(info: VideoInfo) -> Fraction | None:
    """Duration (s) from the header; None if unknown."""
    if info.frames and info.rate:
        return info.frames / info.rate
    return info.duration
