"""The paint map on one raster: paint that moves with what it was painted on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from vidstyle.flow.base import FlowEstimator, refiner_of
from vidstyle.frames import Pixels
from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.base import FrameMotion, RepaintMask
from vidstyle.temporal.paint_map import edge_structure
from vidstyle.temporal.paint_map.decisions import Decider
from vidstyle.temporal.paint_map.settings import Layout, MapSettings
from vidstyle.temporal.paint_map.stale_paint import ghosts, worn
from vidstyle.temporal.paint_map.state import Plan, State

P = ParamSpec("P")
T = TypeVar("T")

_RECENT = 0.3  # of the trace: something moved there within the last dozen frames


class RasterMap(Generic[Plane, Picture]):
    """What ``PaintMap`` does, with the planes and pictures of one raster; its caller checks what comes in."""

    def __init__(
        self,
        raster: Raster[Plane, Picture],
        flow: FlowEstimator,
        settings: MapSettings,
        *,
        flow_size: int | None,
        stability: float,
        side: Executor | None = None,
    ) -> None:
        self._raster: Raster[Plane, Picture] = raster
        self._side = _AtOnce() if side is None else side
        self._flow, self._settings = flow, settings
        self._flow_size, self._stability = flow_size, stability
        self._first: Picture | None = None  # content of the first frame, until it is settled
        self._state: State[Plane, Picture] | None = None
        self._plan: Plan[Plane, Picture] | None = None
        self._result: Picture | None = None  # the last one, as it was shown
        self.repainted = 1.0
        self._fading: Picture | None = None  # what is still to go on the way to the latest result
        self._goal: Picture | None = None  # that result
        self._rates: tuple[Plane, Plane, float] | None = None  # at which it fades

    def plan(self, content: Pixels, renew: float, motion: FrameMotion | None) -> RepaintMask:
        """Decide where the frame ``content`` wants fresh paint; see ``PaintMap.plan``."""
        raster = self._raster
        picture = raster.upload(content)
        if self._state is None:
            self._begin(content.dtype.itemsize, picture)
            return RepaintMask(np.ones(self._layout.decisions, np.bool_), 1.0)
        self._plan = None
        if not renew and raster.is_equal(picture, self._state.content):
            return RepaintMask(np.zeros(self._layout.decisions, np.bool_), 0.0)
        self._plan = self._decider.decide(
            picture, self._state, self._contents, self._paintings, renew, motion
        )
        state = self._plan.state
        self._old = self._side.submit(self._sampled, self._stored, state)  # while the frame is painted
        # a step wider: weights are interpolated when they grow to the frame's size
        return RepaintMask(raster.array(raster.widened(self._plan.weight < 1)), self._plan.share)

    def settle(self, painted: Pixels, valid: NDArray[np.bool_] | None) -> Pixels:
        """The result for the planned frame; see ``PaintMap.settle``."""
        raster = self._raster
        if self._first is not None:
            result = raster.upload(painted)
            self._lay(self._first, result)
        elif self._plan is not None:
            plan, self._plan = self._plan, None
            result = self._settle(plan, raster.upload(painted), valid)
        else:
            assert self._result is not None
            self.repainted = 0.0
            result = self._faded_on(self._result)
        self._result = result
        return raster.download(result)

    def _begin(self, sample_bytes: int, picture: Picture) -> None:
        raster, settings = self._raster, self._settings
        self._layout = Layout.of(raster.size(picture), sample_bytes, self._flow_size, settings.slots)
        refiner = refiner_of(self._flow)
        self._decider: Decider[Plane, Picture] = Decider(
            raster, self._layout, settings, self._stability, self._flow, refiner
        )
        self._grid: tuple[Plane, Plane] = raster.grid(*self._layout.frame)
        self._first = picture

    def _lay(self, content: Picture, paint: Picture) -> None:
        """The first painting of the shot."""
        raster = self._raster
        self._state = self._decider.begin(content)
        self._results = raster.new_ring(self._layout.slots, paint, self._layout.fine)
        self._contents = raster.new_ring(self._layout.slots, self._state.small)
        self._store(0, paint)
        self._paintings = raster.new_ring(self._layout.slots, self._state.small)
        raster.put(self._contents, 0, self._state.small)
        small = raster.shrunk(paint, *self._layout.decisions)
        raster.put(self._paintings, 0, small)
        self._state.fit = edge_structure.of_whole(
            raster, self._layout, self._settings, self._state.small, small
        )
        self._used = 1
        self._first = None

    def _store(self, slot: int, result: Picture) -> None:
        """Begin to put a ``result``, which nobody changes, into the ring; the next sampling waits for it."""
        self._stored: Future[None] = self._side.submit(self._raster.put, self._results, slot, result)

    def _sampled(self, stored: Future[None], state: State[Plane, Picture]) -> Picture:
        """The old paint where ``state`` says that it lies, once the last result is ``stored``."""
        stored.result()  # one thread does both in order, so it is done; its error is raised here
        return self._raster.sharply(self._results, state.slot, state.u, state.v)

    def _settle(self, plan: Plan[Plane, Picture], paint: Picture, valid: NDArray[np.bool_] | None) -> Picture:
        raster, layout, state = self._raster, self._layout, plan.state
        old = self._old.result()
        ghost: Plane | None = None
        if valid is None:
            small = raster.shrunk(paint, *layout.decisions)
            state.fit = edge_structure.of_whole(raster, layout, self._settings, state.small, small)
            if plan.renewal == 0:
                is_past = (state.wake > 0.5) & ~plan.is_beside  # outlines of what has moved on
                before = raster.shrunk(old, *layout.decisions)
                is_ghost = ghosts(raster, layout, self._settings, before, small) & (state.trace > _RECENT)
                is_worn = worn(raster, layout, self._settings, old, paint)
                plan = self._decider.without(plan, is_worn | is_past | is_ghost)
                ghost = raster.clip(3 * raster.blurred(raster.floats(is_ghost), 3 * layout.scale), 0.0, 1.0)
        kept = raster.resized(raster.floats(plan.weight >= 1), *layout.tone)
        if valid is None:
            state.goal = raster.coarse(paint, old, *layout.tone, 1.0)
        self.repainted = plan.share
        state.goal = raster.scaled(state.goal, kept)
        pace = raster.clip(self._settings.tone * plan.relit + plan.renewal + plan.brightening, 0.0, 0.5)
        state.tone = raster.stepped(state.tone, state.goal, pace * kept)
        state.tone = raster.scaled(state.tone, kept)
        plain, old = old, raster.plus(old, state.tone)
        result = old
        if plan.share > 0:
            if valid is not None:
                paint = raster.filled(paint, old, valid)
            weight = raster.resized(plan.weight, *layout.frame) * plan.is_inside
            result = raster.mixed(self._matched(plan, paint, old, ghost), old, weight)
            shown = self._fade(plan, old, result)
            self._renew(plan, result, plain, weight < 1)
        else:
            shown = self._fade(plan, old, result)
            state.fresh = state.fresh & False
        self._state = state
        return shown

    def _matched(
        self, plan: Plan[Plane, Picture], paint: Picture, old: Picture, ghost: Plane | None
    ) -> Picture:
        """New strokes in the coarse colours of the old ones where the content is the same.

        What is left of the step is fine texture; the tone brings the colours to the fresh ones in time.
        """
        raster, size = self._raster, self._layout.match
        coarse = raster.coarse(old, paint, *size, 0.5)
        sure = raster.clip(2 * plan.agree - 1, 0.0, 1.0)
        if ghost is not None:
            sure = sure * (1 - ghost)  # the old colours are those of another thing
        share = self._settings.match * _calm(plan)
        return raster.plus(paint, raster.scaled(coarse, raster.resized(sure, *size) * share))

    def _fade(self, plan: Plan[Plane, Picture], old: Picture, result: Picture) -> Picture:
        """Take the step from old paint to new over a few frames, where the content is the same.

        Two paintings of one thing whose outlines do not lie on each other are haze: strokes fade as far as
        both have the frame's structure, coarse colours wherever the content agrees.
        """
        raster, layout, settings = self._raster, self._layout, self._settings
        if plan.share == 0 and self._fading is None:
            return result
        colors = plan.agree * (settings.fade * _calm(plan))
        strokes = raster.resized(colors * plan.holds, *layout.frame) * plan.is_inside
        before = raster.moved(self._fading, plan.x, plan.y) if self._fading is not None else None
        sigma = settings.fade_coarse * layout.scale
        more = colors * (1 - plan.holds)
        self._fading = raster.faded(raster.minus(old, result), before, strokes, more, sigma)
        self._goal, self._rates = result, (strokes, more, sigma)
        return result if self._fading is None else raster.plus(result, self._fading)

    def _faded_on(self, shown: Picture) -> Picture:
        """What follows ``shown`` for a frame equal to the last: fades that have begun go on to their end."""
        if self._fading is None or self._goal is None or self._rates is None:
            return shown
        self._fading = self._raster.faded(self._fading, None, *self._rates)
        return self._goal if self._fading is None else self._raster.plus(self._goal, self._fading)

    def _renew(self, plan: Plan[Plane, Picture], result: Picture, plain: Picture, is_new: Plane) -> None:
        """Let new pixels refer to ``result``, and those whose slot is needed to their ``plain`` paint."""
        raster, state, slots = self._raster, plan.state, self._layout.slots
        every = slice(None, None, self._layout.step)
        is_fresh = is_new
        if self._used < slots:
            slot, self._used = self._used, self._used + 1
        else:
            # The slot that the fewest pixels refer to: what is kept longest is sampled least often.
            counts = raster.counts(state.slot[every, every], ~is_new[every, every], slots)
            slot = counts.index(min(counts))
            is_lost = (state.slot == slot) & ~is_new
            is_new = is_new | is_lost
            # Not the toned paint: the tone is coarse, and its end inside of one of its cells would be a step.
            result = raster.filled(plain, result, is_lost)
        state.slot = raster.chosen(is_new, slot, state.slot)
        state.u = raster.chosen(is_new, self._grid[0], state.u)
        state.v = raster.chosen(is_new, self._grid[1], state.v)
        fresh = is_new[every, every]
        state.fresh = is_fresh[every, every]
        state.wake = raster.chosen(fresh, raster.floats(plan.is_beside), state.wake)
        a, b, c, d = state.jacobian
        state.jacobian = (
            raster.chosen(fresh, 1.0, a),
            raster.chosen(fresh, 0.0, b),
            raster.chosen(fresh, 0.0, c),
            raster.chosen(fresh, 1.0, d),
        )
        self._store(slot, result)
        raster.put(self._contents, slot, state.small)
        raster.put(self._paintings, slot, raster.shrunk(result, *self._layout.decisions))


class _AtOnce(Executor):
    """Does in the caller's thread what it is given, before it returns."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def _calm(plan: Plan[Plane, Picture]) -> float:
    """1 where little changes: where much does there is no calm to keep, and old colours would be ghosts."""
    return min(1.0, max(0.3, 1.2 - 0.8 * plan.share)) * (1 - plan.renewal)
