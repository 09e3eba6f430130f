"""A VapourSynth filter: the frames of a clip, painted in order, whatever the order they are asked for in.

from vidstyle.vapoursynth import stylize
stylize(core.resize.Bicubic(clip, format=vs.RGB24, matrix_in_s="709"), style="waves").set_output()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Protocol, Self, Unpack, cast

import numpy as np

from vidstyle.errors import OptionError
from vidstyle.frames import Pixels
from vidstyle.optional_imports import require
from vidstyle.options.keywords import FrameKeywords

if TYPE_CHECKING:
    from vidstyle.pipeline.styling import Styling

_KEPT = 32  # results that can be asked for again: hosts ask for some frames at once, out of order

Paint = Callable[[Iterator[Pixels]], Iterator[Pixels]]


class VideoFrame(Protocol):
    """What is used of VapourSynth's frames, whose package has no types for other Pythons."""

    def copy(self) -> VideoFrame: ...
    def __getitem__(self, plane: int) -> Pixels: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...


class VideoFormat(Protocol):
    """What is used of VapourSynth's formats."""

    id: int
    name: str


class VideoNode(Protocol):
    """What is used of VapourSynth's clips."""

    fps: Fraction
    format: VideoFormat | None

    def get_frame(self, n: int) -> VideoFrame: ...


def stylize(clip: VideoNode, *, style: Styling = (), **options: Unpack[FrameKeywords]) -> VideoNode:
    """Paint ``clip``, a ``VideoNode`` of RGB24 or RGB48 with one format; returns one of the same kind.

    Every frame is as in a run from the first frame on. A frame far ahead is returned once all before it are
    painted; one that is more than 32 frames behind starts the painting again.

    Args:
        clip: convert others first: ``core.resize.Bicubic(clip, format=vs.RGB24, matrix_in_s="709")``.
        style: one or several, as for ``stylize_frames``, which also takes all of ``options``.

    Raises ``OptionError`` for another format, and if VapourSynth is not installed.
    """
    from vidstyle.api import stylize_frames  # imports torch

    rate = Fraction(clip.fps) if clip.fps else None

    def paint(frames: Iterator[Pixels]) -> Iterator[Pixels]:
        return stylize_frames(frames, style=style, rate=rate, **options)

    return painted_in_order(clip, paint)


def painted_in_order(clip: VideoNode, paint: Paint) -> VideoNode:
    """A ``VideoNode`` like ``clip`` with the frames that ``paint`` yields for those of ``clip``, in order."""
    vs = require("vapoursynth", "vidstyle.vapoursynth")
    if clip.format is None or clip.format.id not in (vs.RGB24, vs.RGB48):
        name = "varying formats" if clip.format is None else clip.format.name
        raise OptionError(
            f"the clip has {name}, not RGB24 or RGB48; "
            'convert it: core.resize.Bicubic(clip, format=vs.RGB24, matrix_in_s="709")'
        )
    return cast("VideoNode", vs.core.std.ModifyFrame(clip=clip, clips=clip, selector=_InOrder(clip, paint)))


class _InOrder:
    """Returns the result of any frame, painting all that come before it; VapourSynth calls it one by one."""

    def __init__(self, clip: VideoNode, paint: Paint) -> None:
        self._clip, self._paint = clip, paint
        self._start()

    def __call__(self, n: int, f: VideoFrame) -> VideoFrame:
        """The source frame ``f``, number ``n``, with its samples replaced and its properties kept."""
        result = f.copy()
        pixels = self._result(n)
        for plane in range(3):
            np.copyto(np.asarray(result[plane]), pixels[..., plane])
        return result

    def _start(self) -> None:
        self._results = self._paint(self._frames())
        self._kept: dict[int, Pixels] = {}
        self._next = 0

    def _result(self, number: int) -> Pixels:
        if number < self._next and number not in self._kept:
            self._start()
        while self._next <= number:
            try:
                self._kept[self._next] = next(self._results)
            except Exception:
                self._start()  # an iterator that has raised has ended
                raise
            self._kept.pop(self._next - _KEPT, None)
            self._next += 1
        return self._kept[number]

    def _frames(self) -> Iterator[Pixels]:
        for number in count():
            # not clip.frames(), which waits in a thread of VapourSynth without lending it to the source
            with self._clip.get_frame(number) as frame:
                yield np.stack([np.asarray(frame[plane]) for plane in range(3)], axis=-1)
