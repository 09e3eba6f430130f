"""Paintings of keyframes carried through a clip, forward and back, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from time import perf_counter
from typing import cast

import cv2
import numpy as np

from vidstyle.flow.base import Array, FlowEstimator
from vidstyle.frames import Frame, Pixels
from vidstyle.keyframes.analogy import Analogy
from vidstyle.keyframes.choice import (
    Weights,
    blended,
    feathered,
    joined,
    later_weights,
    seam_pattern,
    step_of,
)
from vidstyle.keyframes.clip_plan import ClipPlan, Keyframe, reduced
from vidstyle.keyframes.known_frames import KnownFrame, WaitingFrames, known_frames
from vidstyle.keyframes.lookup import looked_up
from vidstyle.keyframes.painting import load_painting, over, with_equal_channels
from vidstyle.keyframes.spill import Spill
from vidstyle.keyframes.stretch import carry_back, read_until, stored
from vidstyle.keyframes.sweep import CarriedFrame, Picture, Sweep
from vidstyle.nn import small_vgg
from vidstyle.temporal.base import SteadyFrame

_AROUND = 4.0  # px: Gaussian window around filled parts, beside which paint is stretched
_GAIN = 3.0  # of the share of that window above which nothing of the carried paint is kept

PaintKeyframe = Callable[[Frame, Pixels | None], Pixels]
"""Paints a keyframe: (frame, what an earlier keyframe's painting looks like there, or None) -> (H, W, 3)."""


def propagated(
    frames: Iterable[Frame],
    plan: ClipPlan,
    *,
    paint: PaintKeyframe | None = None,
    flow: FlowEstimator | None = None,
) -> Generator[SteadyFrame, None, None]:
    """The frames of the clip that ``plan`` is of, each painted from the keyframes of its shot.

    Frames before a keyframe wait for it in a temporary file: few are in memory at a time. Raises
    ``InputError`` if a painting cannot be read.

    Args:
        frames: of the clip.
        plan: its shots and keyframes.
        paint: paints the keyframes that have no path, each once.
        flow: estimates motion on the CPU; None: the default one.
    """
    painter = _Painter(plan, paint)
    with closing(known_frames(frames, plan, flow)) as known:
        for item in known:
            keyframe = plan.next_in_shot(item.index)
            if keyframe is None:
                yield painter.forward(item)
            else:
                yield from painter.stretch(item, known, keyframe)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A keyframe that is in use."""

    keyframe: Keyframe
    painting: Array
    """(H, W, 3 or 4); see ``load_painting``."""
    picture: Picture
    """The keyframe's ``source``."""
    analogy: Analogy

    def sweep(self) -> Sweep:
        return Sweep(self.picture, self.analogy)


class _Painter:
    """Paints the frames of a clip in order."""

    def __init__(self, plan: ClipPlan, paint: PaintKeyframe | None) -> None:
        self._plan = plan
        self._paint = paint
        self._network = small_vgg.bundled()
        self._sources: list[_Source] = []  # the two that were used last
        self._earlier: _Source | None = None  # the keyframe from which the shot is carried forward
        self._sweep: Sweep | None = None  # from there
        self._pattern: Weights | None = None

    def forward(self, item: KnownFrame) -> SteadyFrame:
        """A frame after the last keyframe of its shot, of a shot without one, or of a flash."""
        if not item.has_shot:
            return self._of_flash(item)
        begun = perf_counter()
        if item.begins_shot or self._sweep is None or self._earlier is None or item.motion is None:
            source = self._source(self._plan.nearest(item.index), item.frame)
            sweep = source.sweep()
            carried = sweep.begin(item.small)
            self._earlier, self._sweep = source, sweep
        else:
            source = self._earlier
            carried = self._sweep.step(item.small, item.motion)
        return _result(item, looked_up(source.painting, carried.coordinates), carried.filled, begun)

    def stretch(
        self, first: KnownFrame, more: Iterator[KnownFrame], keyframe: Keyframe
    ) -> Generator[SteadyFrame, None, None]:
        """All frames from ``first`` to the next ``keyframe`` of the shot, which are taken from ``more``."""
        if first.begins_shot:
            self._earlier = self._sweep = None
        with Spill() as frames, Spill() as forth, Spill() as back:
            waiting = WaitingFrames(frames)
            last = read_until(keyframe.index, chain([first], more), waiting, forth, self._carried_forth)
            del first
            if last is None:
                return
            begun = perf_counter()
            later = self._source(keyframe, last.frame, self._carried_forth(last))
            if len(waiting):
                carry_back(waiting, back, later.sweep(), last.motion)
                yield from self._between(waiting, forth, back, later)
            self._earlier, self._sweep = later, later.sweep()
            yield _result(last, later.painting, 1.0 if keyframe.path is None else 0.0, begun)

    def _between(
        self, waiting: WaitingFrames, forth: Spill, back: Spill, later: _Source
    ) -> Generator[SteadyFrame, None, None]:
        """The frames that wait, from the keyframe before them, if there is one, and from ``later``."""
        earlier = self._earlier
        weights: Weights | None = None
        for number in range(len(waiting)):
            begun = perf_counter()
            item = waiting[number]
            after = stored(back, len(waiting) - 1 - number)
            if after is None:
                yield self._of_flash(item)
                continue
            painting = looked_up(later.painting, after.coordinates)
            share = after.filled
            before = stored(forth, number)
            if earlier is not None and before is not None and item.motion is not None:
                length = later.keyframe.index - earlier.keyframe.index
                way = (item.index - earlier.keyframe.index) / length
                last = np.zeros_like(before.difference) if weights is None else item.motion.moved(weights)
                weights = later_weights(before, after, way, self._seams(item), last, step_of(length))
                first = looked_up(earlier.painting, before.coordinates)
                painting = blended(*with_equal_channels(first, painting), weights)
                shown = float(weights.mean())
                share = shown * after.filled + (1 - shown) * before.filled
            yield _result(item, painting, share, begun)

    def _carried_forth(self, item: KnownFrame) -> CarriedFrame | None:
        """The next frame in terms of the keyframe before it; None if its shot has none, and for a flash."""
        if self._sweep is None or item.motion is None:
            return None
        return self._sweep.step(item.small, item.motion)

    def _of_flash(self, item: KnownFrame) -> SteadyFrame:
        """A frame without a shot: its own painting, or what of the nearest one looks most similar."""
        begun = perf_counter()
        keyframe = self._plan.keyframe_at(item.index)
        if keyframe is not None:
            source = self._source(keyframe, item.frame)
            return _result(item, source.painting, 1.0 if keyframe.path is None else 0.0, begun)
        source = self._source(self._plan.nearest(item.index), item.frame)
        carried = source.sweep().begin(item.small)
        return _result(item, looked_up(source.painting, carried.coordinates), carried.filled, begun)

    def _source(self, keyframe: Keyframe, frame: Frame, carried: CarriedFrame | None = None) -> _Source:
        """The ``keyframe`` in use; one without a path must be asked for first with its own ``frame``.

        ``carried`` is that frame in terms of the keyframe before it.
        """
        for source in self._sources:
            if source.keyframe is keyframe:
                return source
        if keyframe.path is not None and keyframe.source is not None:
            painting, picture = load_painting(keyframe.path, frame.pixels), keyframe.source
        else:
            assert self._paint is not None
            initial = None
            if carried is not None and self._earlier is not None:
                initial = _begun(looked_up(self._earlier.painting, carried.coordinates), carried, frame)
            painting, picture = self._paint(frame, initial), reduced(frame.pixels)
        made = _Source(keyframe, painting, picture, Analogy(self._network, picture))
        self._sources = [*self._sources[-1:], made]
        return made

    def _seams(self, item: KnownFrame) -> Weights:
        if self._pattern is None:
            self._pattern = seam_pattern(*item.small.shape[:2])
        return self._pattern


def _begun(painting: Array, carried: CarriedFrame, frame: Frame) -> Pixels:
    """What an engine begins a keyframe with: what was carried, and the frame itself where paint was filled.

    Filled paint may be of something else, and an engine keeps much of what it begins with.
    """
    filled = cv2.GaussianBlur(carried.coordinates.is_filled.astype(np.float32), (0, 0), _AROUND)
    unsure = feathered(np.asarray(np.clip(filled * _GAIN, 0, 1), np.float32))
    return cast(Pixels, joined(painting, frame.pixels, unsure))


def _result(item: KnownFrame, painting: Array, filled: float, begun: float) -> SteadyFrame:
    """The painted frame; ``begun`` is when work on it began."""
    pixels = over(painting, item.frame)
    return SteadyFrame(item.frame, pixels, item.begins_shot, filled, (0.0, perf_counter() - begun, 0.0))
