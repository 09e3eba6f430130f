"""Paintings of keyframes carried through a clip, forward and back, in bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from time import perf_counter

import numpy as np

from vidstyle.flow.base import Array
from vidstyle.frames import Frame, Pixels
from vidstyle.keyframes.analogy import Analogy
from vidstyle.keyframes.choice import Weights, feathered, joined, later_weights, seam_pattern, step_of
from vidstyle.keyframes.clip_plan import ClipPlan, Keyframe
from vidstyle.keyframes.coordinates import Coordinates, PairMotion
from vidstyle.keyframes.known_frames import KnownFrame, WaitingFrames, known_frames
from vidstyle.keyframes.lookup import looked_up
from vidstyle.keyframes.painting import load_painting, over, with_equal_channels
from vidstyle.keyframes.spill import Spill
from vidstyle.keyframes.sweep import CarriedFrame, Sweep
from vidstyle.nn import small_vgg
from vidstyle.temporal.base import SteadyFrame


def propagated(frames: Iterable[Frame], plan: ClipPlan) -> Generator[SteadyFrame, None, None]:
    """The frames of the clip that ``plan`` is of, each painted from the keyframes of its shot.

    Frames before a keyframe wait for it in a temporary file: few are in memory at a time. Raises
    ``InputError`` if a painting cannot be read.
    """
    painter = _Painter(plan)
    with closing(known_frames(frames, plan)) as known:
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
    analogy: Analogy

    def sweep(self) -> Sweep:
        return Sweep(self.keyframe.source, self.analogy)


class _Painter:
    """Paints the frames of a clip in order."""

    def __init__(self, plan: ClipPlan) -> None:
        self._plan = plan
        self._network = small_vgg.bundled()
        self._sources: list[_Source] = []  # the two that were used last
        self._earlier: _Source | None = None  # the keyframe from which the shot is carried forward
        self._sweep: Sweep | None = None  # from there
        self._pattern: Weights | None = None

    def forward(self, item: KnownFrame) -> SteadyFrame:
        """A frame after the last keyframe of its shot, of a shot without one, or of a flash."""
        if not item.has_shot:
            return self._of_flash(item, self._source(self._plan.nearest(item.index), item.frame.pixels))
        begun = perf_counter()
        if item.begins_shot or self._sweep is None or self._earlier is None or item.motion is None:
            source = self._source(self._plan.nearest(item.index), item.frame.pixels)
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
        with Spill() as frames, Spill() as maps:
            waiting = WaitingFrames(frames)
            last = first
            for last in chain([first], more):
                if last.index == keyframe.index:
                    break
                waiting.append(last)
            del first
            if last.index != keyframe.index:  # the clip is shorter than when it was planned
                return
            later = self._source(keyframe, last.frame.pixels)
            if len(waiting):
                _carry_back(waiting, maps, later.sweep(), last.motion)
                yield from self._between(waiting, maps, later)
            self._earlier, self._sweep = later, later.sweep()
            yield _result(last, later.painting, 0.0, perf_counter())

    def _between(
        self, waiting: WaitingFrames, maps: Spill, later: _Source
    ) -> Generator[SteadyFrame, None, None]:
        """The frames that wait, from the keyframe before them, if there is one, and from ``later``."""
        earlier, sweep = self._earlier, self._sweep
        weights: Weights | None = None
        for number in range(len(waiting)):
            begun = perf_counter()
            item = waiting[number]
            if not item.has_shot:
                yield self._of_flash(item, later)
                continue
            back = _carried_back(maps, len(waiting) - 1 - number)
            painting = looked_up(later.painting, back.coordinates)
            share = back.filled
            if earlier is not None and sweep is not None and item.motion is not None:
                forth = sweep.step(item.small, item.motion)
                length = later.keyframe.index - earlier.keyframe.index
                way = (item.index - earlier.keyframe.index) / length
                last = np.zeros_like(forth.difference) if weights is None else item.motion.moved(weights)
                weights = later_weights(forth, back, way, self._seams(item), last, step_of(length))
                mixture = feathered(weights)
                before = looked_up(earlier.painting, forth.coordinates)
                painting = joined(*with_equal_channels(before, painting), mixture)
                shown = float(weights.mean())
                share = shown * back.filled + (1 - shown) * forth.filled
            yield _result(item, painting, share, begun)

    def _of_flash(self, item: KnownFrame, source: _Source) -> SteadyFrame:
        """A frame without a shot: its own painting, or what of ``source`` looks most similar."""
        begun = perf_counter()
        keyframe = self._plan.keyframe_at(item.index)
        if keyframe is not None:
            return _result(item, load_painting(keyframe.path, item.frame.pixels), 0.0, begun)
        carried = source.sweep().begin(item.small)
        return _result(item, looked_up(source.painting, carried.coordinates), carried.filled, begun)

    def _source(self, keyframe: Keyframe, like: Pixels) -> _Source:
        for source in self._sources:
            if source.keyframe is keyframe:
                return source
        made = _Source(keyframe, load_painting(keyframe.path, like), Analogy(self._network, keyframe.source))
        self._sources = [*self._sources[-1:], made]
        return made

    def _seams(self, item: KnownFrame) -> Weights:
        if self._pattern is None:
            self._pattern = seam_pattern(*item.small.shape[:2])
        return self._pattern


def _carry_back(waiting: WaitingFrames, maps: Spill, sweep: Sweep, motion: PairMotion | None) -> None:
    """Store in ``maps`` how each waiting frame is carried from the keyframe after them, the last one first.

    ``motion`` is the keyframe's, to the last frame of its shot.
    """
    for number in reversed(range(len(waiting))):
        item = waiting[number]
        if not item.has_shot or motion is None:
            maps.append()
            continue
        carried = sweep.step(item.small, motion.reversed())
        motion = item.motion
        places = carried.coordinates
        maps.append(places.x, places.y, places.is_filled, carried.difference, np.array(carried.filled))


def _carried_back(maps: Spill, number: int) -> CarriedFrame:
    x, y, is_filled, difference, share = maps[number]
    return CarriedFrame(Coordinates(x, y, is_filled), difference, float(share))


def _result(item: KnownFrame, painting: Array, filled: float, begun: float) -> SteadyFrame:
    """The painted frame; ``begun`` is when work on it began."""
    pixels = over(painting, item.frame)
    return SteadyFrame(item.frame, pixels, item.begins_shot, filled, (0.0, perf_counter() - begun, 0.0))
