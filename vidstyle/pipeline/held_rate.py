"""A camera's frames, painted at a size that holds a rate: reduced before they are painted, if need be."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from time import perf_counter
from typing import cast

import cv2

from vidstyle.engines.base import EngineInfo, chosen_engine, info_of
from vidstyle.errors import OptionError
from vidstyle.frames import Frame, Pixels
from vidstyle.options import QUALITIES, PaintOptions, SteadyOptions, make_record
from vidstyle.options.keywords import FrameKeywords
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.registry import ENGINES, name_of_part

log = logging.getLogger(__name__)

SMALLEST = 240
"""Lines (short side, px) below which no frame is reduced."""
_STEP = 0.5**0.25  # from one size to the next smaller one: two steps halve the area
_SLACK = 0.9  # share of the wanted time that is aimed at
_AFFORDED = 0.7  # of it, that larger frames may take: a painting that begins anew is seen
_WARM_UP = 2  # first frames at a size, which are not measured
_LEAST, _SHRINK_AFTER = 4, 10  # measured frames, and times of a frame as wanted, whichever come last
_GROW_AFTER = 100  # measured frames; twice as many each time that larger frames were too slow


def check_paints_cameras(options: FrameKeywords) -> None:
    """Raise ``OptionError`` for options with which an engine paints keyframes, which a camera has none of."""
    paint, steady = make_record(PaintOptions, options), make_record(SteadyOptions, options)
    engine = chosen_engine(paint.engine, paint.weights, paint.quality_engine)
    info = info_of(engine) if isinstance(engine, str) and engine in ENGINES else getattr(engine, "info", None)
    if steady.carries_keyframes and isinstance(info, EngineInfo) and info.is_keyframe_engine:
        *good, last = (
            name
            for name, quality in QUALITIES.items()
            if not cast(EngineInfo, info_of(quality.engine)).is_keyframe_engine
        )
        raise OptionError(
            f"a camera cannot be painted by {name_of_part(engine)}, which paints keyframes of whole clips: "
            f"give --quality {', '.join(good)} or {last}, or another --engine"
        )


def painted_at_rate(
    stylizer: Stylizer, frames: Iterable[Frame], rate: float | None
) -> Generator[Frame, None, None]:
    """Paint ``frames`` one by one; results have the size at which ``rate`` frames a second are held.

    Time counts from the moment that a frame is taken until the next one is asked for, so it includes what is
    done with the result. A painting begins anew where the size changes, also if it is the camera's own.

    Args:
        stylizer: of an engine that paints every frame.
        frames: of a camera, without transparency; of any sizes.
        rate: frames a second; None: frames keep their size.
    """
    sizes = _Sizes(frames, rate)
    while sizes.has_more:
        with closing(cast("Generator[Frame, None, None]", stylizer.frames(sizes.stream()))) as painted:
            yield from painted


class FrameSize:
    """Chooses the lines of a camera's frames, in steps, from the time that the frames before have taken."""

    def __init__(self, lines: int, rate: float) -> None:
        """``lines`` are the camera's own, px; ``rate`` is wanted, in frames a second."""
        self._sizes = [lines]
        while (size := round(lines * _STEP ** len(self._sizes))) > SMALLEST / _STEP**0.5:
            self._sizes.append(size)
        if lines > SMALLEST:
            self._sizes.append(SMALLEST)
        self._wanted = 1 / rate  # s
        self._step = 0
        self._patience, self._has_grown = _GROW_AFTER, False
        self._seen, self._seconds = 0, 0.0  # frames at this size, and what those after the first ones took

    @property
    def lines(self) -> int:
        """The short side, px, of the next frame."""
        return self._sizes[self._step]

    def observe(self, seconds: float) -> None:
        """Note what a frame took, and choose the size of the next one. Time counts as the area."""
        self._seen += 1
        if self._seen <= _WARM_UP:
            return
        self._seconds += seconds
        count = self._seen - _WARM_UP
        mean, last = self._seconds / count, len(self._sizes) - 1
        is_due = count >= _LEAST and self._seconds >= _SHRINK_AFTER * self._wanted
        if is_due and mean > self._wanted and self._step < last:
            smaller = range(self._step + 1, last)
            self._patience *= 2 if self._has_grown else 1
            self._change(
                next((step for step in smaller if self._at(step, mean) <= _SLACK * self._wanted), last), mean
            )
        elif count >= self._patience:
            if self._step > 0 and self._at(self._step - 1, mean) <= _AFFORDED * self._wanted:
                self._change(self._step - 1, mean)
            self._seen, self._seconds = min(self._seen, _WARM_UP), 0.0

    def _at(self, step: int, seconds: float) -> float:
        """``seconds`` of a frame as they would be at another ``step``."""
        return seconds * (self._sizes[step] / self.lines) ** 2

    def _change(self, step: int, seconds: float) -> None:
        self._has_grown = step < self._step
        self._step, self._seen, self._seconds = step, 0, 0.0
        log.info("%.3f s a frame, %.3f wanted: %d lines from now on", seconds, self._wanted, self.lines)


class _Sizes:
    """The frames of a camera as streams, in each of which all have one size."""

    def __init__(self, frames: Iterable[Frame], rate: float | None) -> None:
        self._frames, self._rate = iter(frames), rate
        self._next = next(self._frames, None)
        self._shape: tuple[int, int] | None = None  # height and width of the camera's frames, px
        self._size: FrameSize | None = None

    @property
    def has_more(self) -> bool:
        return self._next is not None

    def stream(self) -> Iterator[Frame]:
        """Frames up to that at which the size changes, or to the end."""
        begun: tuple[int, ...] | None = None
        while (frame := self._next) is not None:
            shape = self._new_shape(frame)
            if begun is not None and shape != begun:
                return
            begun = shape
            taken = perf_counter()
            yield _resized(frame, shape)
            if self._size is not None:
                self._size.observe(perf_counter() - taken)
            self._next = next(self._frames, None)

    def _new_shape(self, frame: Frame) -> tuple[int, int]:
        """Height and width, px, at which ``frame`` is painted."""
        height, width = shape = frame.pixels.shape[0], frame.pixels.shape[1]
        if shape != self._shape:
            self._shape = shape
            self._size = None if self._rate is None else FrameSize(min(shape), self._rate)
        if self._size is None or self._size.lines == min(shape):
            return height, width
        share = self._size.lines / min(shape)
        return 2 * round(height * share / 2), 2 * round(width * share / 2)  # encoders want even sides


def _resized(frame: Frame, shape: tuple[int, int]) -> Frame:
    if frame.pixels.shape[:2] == shape:
        return frame
    pixels = cast(Pixels, cv2.resize(frame.pixels, shape[::-1], interpolation=cv2.INTER_AREA))
    return replace(frame, pixels=pixels, alpha=None)
