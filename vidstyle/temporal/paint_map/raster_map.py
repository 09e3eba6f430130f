"""The paint map's two steps, plan and settle, on the planes and pictures of one backend."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from vidstyle.flow.base import FlowEstimator, refiner_of
from vidstyle.named_tensors import Tensors, grouped, in_group
from vidstyle.temporal.backends.base import Number, Picture, Plane, Raster, Ring, Slot, limited
from vidstyle.temporal.base import FrameMotion, Mask, RepaintMask
from vidstyle.temporal.paint_map import edge_structure
from vidstyle.temporal.paint_map.decisions import Decider
from vidstyle.temporal.paint_map.inline_executor import InlineExecutor
from vidstyle.temporal.paint_map.kept_state import restore_state, state_tensors
from vidstyle.temporal.paint_map.settings import MapLayout, MapSettings
from vidstyle.temporal.paint_map.stale_paint import differs_in_texture, ghosts
from vidstyle.temporal.paint_map.state import Plan, State
from vidstyle.tensors import Samples, full_scale

_RECENT = 0.3  # of ``State.recent_motion``: something moved there within the last dozen frames


class RasterMap(Generic[Plane, Picture]):
    """Implements ``PaintMap``, which checks the arguments, for one type of planes and pictures."""

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
        self._side = InlineExecutor() if side is None else side
        self._flow, self._settings = flow, settings
        self._flow_size, self._stability = flow_size, stability
        self._first: Picture | None = None  # content of the first frame, until it is settled
        self._state: State[Plane, Picture] | None = None
        self._plan: Plan[Plane, Picture] | None = None
        self._result: Picture | None = None  # the last one, including its fade
        self.repainted: Number = 1.0
        self._fading: Picture | None = None  # remaining difference to ``_fade_target``
        self._fade_target: Picture | None = None  # the last result without its fade
        self._rates: tuple[Plane, Plane, float] | None = None  # of the fade: see ``Raster.fade``

    def plan(self, content: Samples, renew: float, motion: FrameMotion | None) -> RepaintMask:
        """The repaint mask of the frame ``content``; see ``PaintMap.plan``."""
        raster = self._raster
        picture = raster.from_samples(content)
        if self._state is None:
            self._begin(1 if full_scale(content) == 255 else 2, picture)
            return RepaintMask(np.ones(self._layout.decisions, np.bool_), 1.0)
        self._plan = None
        nothing = RepaintMask(np.zeros(self._layout.decisions, np.bool_), 0.0)
        is_repeat = raster.is_equal(picture, self._state.content)
        if is_repeat is True and not renew:
            return nothing
        cycles = self._decider.schedule.cycles
        plan = self._decider.decide(picture, self._state, self._contents, self._paintings, renew, motion)
        # dilated by a pixel: weights are interpolated when they are resized to the frame
        decided = raster.decisions(plan.weight, is_repeat)
        if decided.is_repeat and not renew:  # a device says so only now, as it is waited for once
            self._decider.schedule.cycles = cycles
            return nothing
        self._plan = replace(plan, share=decided.share)
        # while the frame is painted
        self._old = self._side.submit(self._sample_old, self._stored, plan.state)
        return RepaintMask(decided.mask, decided.share)

    def settle(self, painted: Samples, valid: Mask | None) -> Samples:
        """The result for the planned frame; see ``PaintMap.settle``."""
        raster = self._raster
        if self._first is not None:
            result = raster.from_samples(painted)
            self._settle_first(self._first, result)
        elif self._plan is not None:
            plan, self._plan = self._plan, None
            result = self._settle(plan, raster.from_samples(painted), valid)
        else:
            assert self._result is not None
            self.repainted = 0.0
            result = self._continue_fade(self._result)
        self._result = result
        return raster.to_samples(result)

    def _begin(self, sample_bytes: int, picture: Picture) -> None:
        raster, settings = self._raster, self._settings
        self._layout = MapLayout.of(raster.size(picture), sample_bytes, self._flow_size, settings.slots)
        refiner = refiner_of(self._flow)
        self._decider: Decider[Plane, Picture] = Decider(
            raster, self._layout, settings, self._stability, self._flow, refiner
        )
        self._grid: tuple[Plane, Plane] = raster.grid(*self._layout.frame)
        self._first = picture

    def tensors(self) -> dict[str, Tensor]:
        """All that is remembered after ``settle``, by name; see ``SavableMethod``."""
        raster, state = self._raster, self._state
        assert state is not None and self._result is not None  # the first frame is settled
        self._stored.result()
        rings = {"results": self._results, "contents": self._contents, "paintings": self._paintings}
        kept = {name: self._stored_tensor(ring) for name, ring in rings.items()}
        kept |= grouped("state", state_tensors(raster, state))
        kept["cycles"] = torch.tensor(self._decider.schedule.cycles, dtype=torch.float64)
        kept["result"] = raster.as_tensor(self._result)
        if self._rates is not None and self._fade_target is not None:
            kept["fade_target"] = raster.as_tensor(self._fade_target)
            kept["fade_strokes"], kept["fade_colors"] = map(raster.as_tensor, self._rates[:2])
            kept["fade_sigma"] = torch.tensor(self._rates[2], dtype=torch.float64)
        if self._fading is not None:
            kept["fading"] = raster.as_tensor(self._fading)
        return kept

    def _stored_tensor(self, ring: Ring[Picture]) -> Tensor:
        """All stored pictures of a ring, the slot first; in memory once, as they are large."""
        raster = self._raster
        first: Tensor = raster.as_tensor(raster.stored(ring, 0))
        kept = first.new_empty((self._used, *first.shape))
        for slot in range(self._used):
            kept[slot] = raster.as_tensor(raster.stored(ring, slot))
        return kept

    def restore(self, tensors: Tensors) -> Samples:
        """Go on from ``tensors``; returns the content of the last frame, (H, W, 3)."""
        raster = self._raster
        content = raster.picture(tensors["state/content"])
        samples = raster.to_samples(content)
        self._begin(1 if full_scale(samples) == 255 else 2, content)
        self._first = None
        self._state = self._decider.begin(content)
        restore_state(raster, self._state, in_group("state", tensors))
        self._result = raster.picture(tensors["result"])
        self._new_rings(self._result, self._state.small)
        self._used: int = len(tensors["results"])
        for slot in range(self._used):
            self._store(slot, raster.picture(tensors["results"][slot]))
            for ring, name in ((self._contents, "contents"), (self._paintings, "paintings")):
                raster.store(ring, slot, raster.picture(tensors[name][slot]))
        self._decider.schedule.cycles = float(tensors["cycles"])
        if "fade_target" in tensors:
            self._fade_target = raster.picture(tensors["fade_target"])
            strokes, colors = (raster.plane(tensors[f"fade_{part}"]) for part in ("strokes", "colors"))
            self._rates = strokes, colors, float(tensors["fade_sigma"])
        if "fading" in tensors:
            self._fading = raster.picture(tensors["fading"])
        return samples

    def _new_rings(self, paint: Picture, small: Picture) -> None:
        raster, slots = self._raster, self._layout.slots
        self._results = raster.new_ring(slots, paint, self._layout.upsampling)
        self._contents = raster.new_ring(slots, small)
        self._paintings = raster.new_ring(slots, small)

    def _settle_first(self, content: Picture, paint: Picture) -> None:
        """Make the state and the rings from the shot's first painting."""
        raster = self._raster
        self._state = self._decider.begin(content)
        self._new_rings(paint, self._state.small)
        self._store(0, paint)
        raster.store(self._contents, 0, self._state.small)
        small = raster.downsample(paint, *self._layout.decisions)
        raster.store(self._paintings, 0, small)
        self._state.fit = edge_structure.structure_of(
            raster, self._layout, self._settings, self._state.small, small
        )
        self._used = 1
        self._first = None

    def _store(self, slot: Slot, result: Picture) -> None:
        """Start to store ``result``, which must not change, in the ring; ``_sample_old`` waits for it."""
        self._stored: Future[None] = self._side.submit(self._raster.store, self._results, slot, result)

    def _sample_old(self, stored: Future[None], state: State[Plane, Picture]) -> Picture:
        """The old paint of each pixel, sampled at its source after the last result is ``stored``."""
        stored.result()  # never blocks, as one thread does both in order; raises its error
        return self._raster.sample_sharp(self._results, state.slot, state.u, state.v)

    def _settle(self, plan: Plan[Plane, Picture], paint: Picture, valid: Mask | None) -> Picture:
        """Composite fresh and old paint, update the state, and return the result including its fade.

        ``valid`` (H, W) bool is true where there is fresh paint; None: everywhere.
        """
        raster, layout, state = self._raster, self._layout, plan.state
        old = self._old.result()
        ghost: Plane | None = None
        is_repainted = bool(plan.share > 0)
        if valid is None:
            small = raster.downsample(paint, *layout.decisions)
            state.fit = edge_structure.structure_of(raster, layout, self._settings, state.small, small)
            if plan.renewal == 0:
                is_outdated = (state.provisional > 0.5) & ~plan.is_near_boundary  # the object has passed
                before = raster.downsample(old, *layout.decisions)
                is_recent = state.recent_motion > _RECENT
                is_ghost = ghosts(raster, layout, self._settings, before, small) & is_recent
                is_unlike = differs_in_texture(raster, layout, self._settings, old, paint)
                plan = self._decider.repaint_also(plan, is_unlike | is_outdated | is_ghost)
                # the share may be known to a device only, and seldom grows from none
                is_repainted = is_repainted or bool(plan.share > 0)
                ghost = raster.clip(
                    3 * raster.gaussian_blur(raster.to_float(is_ghost), 3 * layout.scale), 0.0, 1.0
                )
        kept = raster.resize(raster.to_float(plan.weight >= 1), *layout.tone)
        if valid is None:
            state.tone_target = raster.low_pass_difference(paint, old, *layout.tone, 1.0)
        self.repainted = plan.share
        state.tone_target = raster.multiply(state.tone_target, kept)
        rate = raster.clip(self._settings.tone * plan.relit + plan.renewal + plan.brightening, 0.0, 0.5)
        state.tone = raster.interpolate(state.tone, state.tone_target, rate * kept)
        state.tone = raster.multiply(state.tone, kept)
        uncorrected, old = old, raster.add(old, state.tone)
        result = old
        if is_repainted:
            if valid is not None:
                paint = raster.fill(paint, old, valid)
            weight = raster.resize(plan.weight, *layout.frame) * plan.is_inside
            result = raster.blend(self._match_colors(plan, paint, old, ghost), old, weight)
            faded = self._fade(plan, old, result)
            self._store_paint(plan, result, uncorrected, weight < 1)
        else:
            faded = result if self._fading is None else self._fade(plan, old, result)
            state.is_new = state.is_new & False
        self._state = state
        return faded

    def _match_colors(
        self, plan: Plan[Plane, Picture], paint: Picture, old: Picture, ghost: Plane | None
    ) -> Picture:
        """``paint`` with a share of the low-pass colours of ``old`` where the content is the same.

        ``ghost`` (0 to 1, decision grid) is where ``old`` shows another object, whose colours are not taken.
        """
        raster, size = self._raster, self._layout.match
        difference = raster.low_pass_difference(old, paint, *size, 0.5)
        weight = raster.clip(2 * plan.agreement - 1, 0.0, 1.0)
        if ghost is not None:
            weight = weight * (1 - ghost)
        share = self._settings.match * _fade_share(plan)
        return raster.add(paint, raster.multiply(difference, raster.resize(weight, *size) * share))

    def _fade(self, plan: Plan[Plane, Picture], old: Picture, result: Picture) -> Picture:
        """``result`` with a fade from ``old`` paint over a few frames, where the content is the same.

        Paintings with misaligned outlines would blur: strokes fade only as far as ``old`` has the frame's
        edges; low-pass colours wherever the content agrees.
        """
        raster, layout, settings = self._raster, self._layout, self._settings
        colors = plan.agreement * (settings.fade * _fade_share(plan))
        strokes = raster.resize(colors * plan.structure_agreement, *layout.frame) * plan.is_inside
        before = raster.warp_difference(self._fading, plan.x, plan.y) if self._fading is not None else None
        sigma = settings.fade_coarse * layout.scale
        colors_only = colors * (1 - plan.structure_agreement)
        self._fading = raster.fade(raster.subtract(old, result), before, strokes, colors_only, sigma)
        self._fade_target, self._rates = result, (strokes, colors_only, sigma)
        return result if self._fading is None else raster.add(result, self._fading)

    def _continue_fade(self, last: Picture) -> Picture:
        """The result after ``last`` for a frame equal to the one before: only the fade goes on."""
        if self._fading is None or self._fade_target is None or self._rates is None:
            return last
        self._fading = self._raster.fade(self._fading, None, *self._rates)
        target = self._fade_target
        return target if self._fading is None else self._raster.add(target, self._fading)

    def _store_paint(
        self, plan: Plan[Plane, Picture], result: Picture, uncorrected: Picture, is_new: Plane
    ) -> None:
        """Store ``result`` in a slot, and let the pixels ``is_new`` refer to it.

        Pixels that refer to the slot's former result are stored again, as ``uncorrected`` old paint.
        """
        raster, state, slots = self._raster, plan.state, self._layout.slots
        every = slice(None, None, self._layout.step)
        is_repainted = is_new
        slot: Slot
        if self._used < slots:
            slot, self._used = self._used, self._used + 1
        else:
            # The slot that the fewest pixels refer to, so that little old paint is resampled.
            slot = raster.least_used(state.slot[every, every], ~is_new[every, every], slots)
            is_lost = (state.slot == slot) & ~is_new
            is_new = is_new | is_lost
            # Uncorrected: the tone goes on applying to it; baking it in would leave a step within its cells.
            result = raster.fill(uncorrected, result, is_lost)
        state.slot = raster.select(is_new, slot, state.slot)
        state.u = raster.select(is_new, self._grid[0], state.u)
        state.v = raster.select(is_new, self._grid[1], state.v)
        is_stored = is_new[every, every]
        state.is_new = is_repainted[every, every]
        state.provisional = raster.select(
            is_stored, raster.to_float(plan.is_near_boundary), state.provisional
        )
        a, b, c, d = state.jacobian
        state.jacobian = (
            raster.select(is_stored, 1.0, a),
            raster.select(is_stored, 0.0, b),
            raster.select(is_stored, 0.0, c),
            raster.select(is_stored, 1.0, d),
        )
        self._store(slot, result)
        raster.store(self._contents, slot, state.small)
        raster.store(self._paintings, slot, raster.downsample(result, *self._layout.decisions))


def _fade_share(plan: Plan[Plane, Picture]) -> Number:
    """Factor on fades and colour matching, 0 to 1: less the more of the frame is repainted."""
    return limited(1.2 - 0.8 * plan.share, 0.3, 1.0) * (1 - plan.renewal)
