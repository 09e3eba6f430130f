"""Pairs of a clip's frames and precomputed paintings of them, by another tool."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidstyle.errors import InputError
from vidstyle.frames import Frame, VideoInfo, fitted
from vidstyle.options import ReadOptions
from vidstyle.temporal.base import ClipFrame, Paint, PaintedFrame
from vidstyle.video.reading.reader import Reader
from vidstyle.video.reading.sequence import is_sequence

log = logging.getLogger(__name__)

_TOLERANCE = 0.02  # relative difference of lengths and rates: headers are seldom exact

Pair = tuple[Frame, Frame]
"""The clip's frame in the painting's size and depth, and the painting."""


class Pairs:
    """Pairs of frames of ``clip`` and ``painted``, in order; a context, iterated once.

    Times are the clip's, sizes the painting's. The pairs end with the shorter of the two, with a warning.
    """

    info: VideoInfo
    """The clip, in the size and depth of the painting."""

    def __init__(self, clip: str | Path, painted: str | Path, options: ReadOptions) -> None:
        """Open both; raises ``InputError`` if one cannot be read, or their rates or lengths differ."""
        with ExitStack() as stack:
            self._clip = stack.enter_context(Reader(clip, options))
            has_times = not is_sequence(Path(painted))
            rate = None if has_times else options.rate or self._clip.info.rate
            self._painted = stack.enter_context(Reader(painted, replace(options, rate=rate, size=None)))
            _check_same_length(self._clip.info, self._painted.info)
            self._stack = stack.pop_all()
        paint = self._painted.info
        self.info = replace(
            self._clip.info,
            width=paint.width,
            height=paint.height,
            bits=paint.bits,
            has_alpha=paint.has_alpha or self._clip.info.has_alpha,
            pixel_aspect=_pixel_aspect(self._clip.info, paint),
        )

    @property
    def skipped(self) -> int:
        """Number of damaged packets of both so far."""
        return self._clip.skipped + self._painted.skipped

    def __enter__(self) -> Pairs:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Pair]:
        with _frames(self._painted) as paintings, _frames(self._clip) as frames:
            for frame in frames:
                painting = next(paintings, None)
                if painting is None:
                    log.warning("%s ends before the clip; the result ends there", self._painted.info.path)
                    return
                alpha = painting.alpha if painting.alpha is not None else frame.alpha
                if alpha is not None:
                    alpha = fitted(alpha, painting.pixels)
                yield (
                    Frame(fitted(frame.pixels, painting.pixels), frame.time, frame.duration, alpha),
                    painting,
                )
            if next(paintings, None) is not None:
                log.warning("%s goes on after the clip's end; the result ends there", self._painted.info.path)


def paintings(pairs: Iterable[Pair]) -> tuple[Iterator[Frame], Paint]:
    """The clip's frames of ``pairs``, and a ``Paint`` that returns the painting of the last one read."""
    current: list[Frame] = []

    def contents() -> Iterator[Frame]:
        for frame, painting in pairs:
            current[:] = [painting]
            yield frame

    def paint(frame: ClipFrame, is_cut: bool, repaint_mask: object) -> PaintedFrame:
        return PaintedFrame(current[0].pixels)

    return contents(), paint


def _frames(reader: Reader) -> closing[Any]:
    """The reader's frames as a context, which closes their iterator."""
    return closing(iter(reader))


def _check_same_length(clip: VideoInfo, painted: VideoInfo) -> None:
    """Raise ``InputError`` if rates or lengths of the two differ."""
    if (
        clip.rate
        and painted.rate
        and not painted.is_still_sequence
        and abs(clip.rate - painted.rate) > _TOLERANCE * clip.rate
    ):
        raise InputError(
            f"{painted.path} has {float(painted.rate):g} frames a second, {clip.path} {float(clip.rate):g}; "
            "give the clip that it was painted from"
        )
    if (
        clip.frames
        and painted.frames
        and abs(clip.frames - painted.frames) > max(_TOLERANCE * clip.frames, 2)
    ):
        raise InputError(
            f"{painted.path} has {painted.frames} frames and {clip.path} {clip.frames}; "
            "give the same part of both, or choose it with --frames"
        )


def _pixel_aspect(clip: VideoInfo, painted: VideoInfo) -> Fraction:
    """Sample aspect ratio that gives the painting the clip's display aspect ratio."""
    return clip.pixel_aspect * Fraction(clip.width * painted.height, clip.height * painted.width)
