"""Paint that sticks to things: every pixel of a result refers to where, and when, it was painted."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator, load_flow, refiner_of
from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import FrameMotion, RepaintMask
from vidstyle.temporal.paint_map import structure
from vidstyle.temporal.paint_map.decisions import Decider
from vidstyle.temporal.paint_map.settings import DEFAULTS, Layout, MapSettings
from vidstyle.temporal.paint_map.stale_paint import ghosts, worn
from vidstyle.temporal.paint_map.state import Plan, State

_OF_LATE = 0.3  # of the trace: something moved there within the last dozen frames


class PaintMap:
    """Makes separately painted frames of one shot agree. One per shot; knows nothing of the engine.

    For each frame call ``plan`` with its content, paint at least where it says, then call ``settle`` with
    the painting. No future frame is looked at, and memory does not grow. Old paint is shown as it was
    painted, or replaced. Two things are mixtures of paintings: the short fade from old to new, and the coarse
    colours that new paint takes over from the old. See docs/paint-map.md.
    """

    takes_motion: ClassVar[bool] = True

    def __init__(
        self,
        flow: FlowEstimator | None = None,
        *,
        flow_size: int | None = None,
        stability: float = 1.0,
        settings: MapSettings = DEFAULTS,
        raster: Raster | None = None,
    ) -> None:
        """Begin a shot.

        Args:
            flow: estimates motion; that of a CPU if not given.
            flow_size: short side, px, at which motion is estimated; 432 or the frame's own if less.
            stability: 1 keeps paint as long as it holds; lower repaints sooner and in turn, above 0.
            settings: limits; the defaults were tuned on real clips.
            raster: where to compute; NumPy and OpenCV if not given.
        """
        if not 0 < stability <= 1:
            raise OptionError(f"stability of a paint map must be above 0 and at most 1, got {stability}")
        self._settings, self._stability, self._flow_size = settings, stability, flow_size
        self._raster: Raster = raster if raster is not None else CvRaster()
        self._flow = flow if flow is not None else load_flow("auto", "cpu")
        self._first: Picture | None = None  # content of the first frame, until it is settled
        self._given: tuple[tuple[int, ...], Any] = ((), None)  # shape and type of all frames
        self._state: State | None = None
        self._plan: Plan | None = None
        self._shown: Picture | None = None
        self.repainted = 1.0
        self._fading: Picture | None = None  # what is still to go on the way to the latest result
        self._goal: Picture | None = None  # that result
        self._rates: tuple[Plane, Plane, float] | None = None  # at which it fades

    # The two steps ------------------------------------------------------------------------------------

    def plan(self, content: Any, *, renew: float = 0.0, motion: FrameMotion | None = None) -> RepaintMask:
        """Decide where the frame ``content`` (H, W, 3) uint8 or uint16 wants fresh paint.

        Args:
            content: the frame; all of a map have one size and depth.
            renew: share (0 to 1) of the way to another style that has been gone since the last frame.
            motion: from this frame to the last one planned, if it is known already (see ``ahead.motions``).
        """
        raster = self._raster
        picture = raster.upload(content)
        if self._state is None:
            self._begin(content.dtype.itemsize, picture)
            self._given = tuple(content.shape), content.dtype
            return RepaintMask(np.ones(self._layout.decisions, np.bool_), 1.0)
        if raster.size(picture) != self._layout.frame:
            (height, width), given = self._layout.frame, raster.size(picture)
            raise OptionError(
                f"frames of one paint map must have one size, {width}x{height} so far; "
                f"got {given[1]}x{given[0]}: begin a new map"
            )
        self._plan = None
        if not renew and raster.is_equal(picture, self._state.content):
            return RepaintMask(np.zeros(self._layout.decisions, np.bool_), 0.0)
        self._plan = self._decider.decide(
            picture, self._state, self._contents, self._paintings, renew, motion
        )
        state = self._plan.state
        self._old = raster.sharply(self._results, state.slot, state.u, state.v)
        # a step wider: weights are interpolated when they grow to the frame's size
        return RepaintMask(raster.array(raster.widened(self._plan.weight < 1)), self._plan.share)

    def settle(self, painted: Any, valid: Any = None) -> Any:
        """The result for the planned frame, of the painting's type, size and depth.

        Args:
            painted: the painting, the size and depth of the content.
            valid: (H, W) bool, true where there is paint, at least where it was needed; None: everywhere.
        """
        raster = self._raster
        if self._first is None and self._state is None:
            raise OptionError("settle comes after plan: plan the frame first")
        got = tuple(painted.shape), painted.dtype
        if got != self._given:
            wanted, given = (f"{shape} {dtype}" for shape, dtype in (self._given, got))
            raise OptionError(f"a painting must have the size and depth of its frame, {wanted}; got {given}")
        if self._first is not None:
            self._shown = raster.upload(painted)
            self._lay(self._first, self._shown)
        elif self._plan is not None:
            plan, self._plan = self._plan, None
            self._shown = self._settle(plan, raster.upload(painted), valid)
        else:
            self.repainted = 0.0
            self._fade_on()
        return raster.download(self._shown)

    def _begin(self, sample_bytes: int, picture: Picture) -> None:
        raster, settings = self._raster, self._settings
        self._layout = Layout.of(raster.size(picture), sample_bytes, self._flow_size, settings.slots)
        refiner = refiner_of(self._flow)
        self._decider = Decider(raster, self._layout, settings, self._stability, self._flow, refiner)
        self._xs, self._ys = raster.grid(*self._layout.frame)
        self._first = picture

    def _lay(self, content: Picture, paint: Picture) -> None:
        """The first painting of the shot."""
        raster = self._raster
        self._state = self._decider.begin(content)
        self._results = raster.new_ring(self._layout.slots, paint, self._layout.fine)
        self._contents = raster.new_ring(self._layout.slots, self._state.small)
        raster.put(self._results, 0, paint)
        self._paintings = raster.new_ring(self._layout.slots, self._state.small)
        raster.put(self._contents, 0, self._state.small)
        small = raster.shrunk(paint, *self._layout.decisions)
        raster.put(self._paintings, 0, small)
        self._state.fit = structure.of_whole(raster, self._layout, self._settings, self._state.small, small)
        self._used = 1
        self._first = None

    # Each further frame -------------------------------------------------------------------------------

    def _settle(self, plan: Plan, paint: Picture, valid: Any) -> Picture:
        raster, layout, state = self._raster, self._layout, plan.state
        old = self._old()
        ghost: Plane = None
        if valid is None:
            small = raster.shrunk(paint, *layout.decisions)
            state.fit = structure.of_whole(raster, layout, self._settings, state.small, small)
            if plan.renewal == 0:
                is_past = (state.wake > 0.5) & ~plan.is_beside  # outlines of what has moved on
                before = raster.shrunk(old, *layout.decisions)
                is_ghost = ghosts(raster, layout, self._settings, before, small) & (state.trace > _OF_LATE)
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

    def _matched(self, plan: Plan, paint: Picture, old: Picture, ghost: Plane | None) -> Picture:
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

    def _fade(self, plan: Plan, old: Picture, result: Picture) -> Picture:
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

    def _fade_on(self) -> None:
        """A frame equal to the last: what was on its way fades on, and the map comes to rest."""
        if self._fading is not None and self._rates is not None:
            self._fading = self._raster.faded(self._fading, None, *self._rates)
            goal = self._goal
            self._shown = goal if self._fading is None else self._raster.plus(goal, self._fading)

    def _renew(self, plan: Plan, result: Picture, plain: Picture, is_new: Plane) -> None:
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
        state.u = raster.chosen(is_new, self._xs, state.u)
        state.v = raster.chosen(is_new, self._ys, state.v)
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
        raster.put(self._results, slot, result)
        raster.put(self._contents, slot, state.small)
        raster.put(self._paintings, slot, raster.shrunk(result, *self._layout.decisions))


def _calm(plan: Plan) -> float:
    """1 where little changes: where much does there is no calm to keep, and old colours would be ghosts."""
    return min(1.0, max(0.3, 1.2 - 0.8 * plan.share)) * (1 - plan.renewal)
