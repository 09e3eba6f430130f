"""What is decided of a frame before it is painted: where its paint lies, and where it no longer holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic

import numpy as np

from vidstyle.flow.base import FlowEstimator
from vidstyle.temporal.backends.base import Picture, Plane, Raster, Ring
from vidstyle.temporal.base import FrameMotion
from vidstyle.temporal.paint_map import deformation, edge_structure, lighting
from vidstyle.temporal.paint_map.settings import Layout, MapSettings
from vidstyle.temporal.paint_map.state import Plan, State, first_state
from vidstyle.temporal.paint_map.unexplained import unexplained

_LARGEST_NOISE = 0.03  # of the range: more is no grain, but a picture that changes everywhere
_BESIDE = 2.5  # px at 360 lines, Gaussian: so far a painted outline reaches into its surroundings
_BESIDE_MISSED = 1.25  # px at 360 lines, Gaussian: less, as patches of missed motion are widened already
_STAYS = 0.9  # of the trace of something that moved, from one frame to the next
_LATELY = 0.8  # of the running mean of whether a place is painted anew, from one frame to the next
_TURNS = 12  # times that a patch is painted anew on the way from one style to another


class Decider(Generic[Plane, Picture]):
    """Decides for the frames of one shot.

    Args:
        flow: estimates motion from one frame to the last.
        refiner: estimates what motion is left between a frame and the contents that its paint was made for.
    """

    def __init__(
        self,
        raster: Raster[Plane, Picture],
        layout: Layout,
        settings: MapSettings,
        stability: float,
        flow: FlowEstimator,
        refiner: FlowEstimator,
    ) -> None:
        self._raster: Raster[Plane, Picture] = raster
        self._layout, self._settings = layout, settings
        self._stability = stability
        self._patience = 0.3 + 0.7 * stability  # share of what old paint is allowed at stability 1
        self._flow, self._refiner = flow, refiner
        self._grid: tuple[Plane, Plane] = raster.grid(*layout.frame)
        self._small_grid: tuple[Plane, Plane] = raster.grid(*layout.decisions)
        self._tone_grid: tuple[Plane, Plane] = raster.grid(*layout.tone)
        self._phase: Plane = self._patches()
        self._turned = 0.0  # turns of repainting since the shot began

    def begin(self, content: Picture) -> State[Plane, Picture]:
        """The state of a shot's first frame."""
        view = self._raster.view(content, *self._layout.flow, self._flow)
        return first_state(self._raster, self._layout, content, view, self._grid)

    def decide(
        self,
        content: Picture,
        past: State[Plane, Picture],
        contents: Ring[Picture],
        paintings: Ring[Picture],
        renew: float,
        known: FrameMotion | None = None,
    ) -> Plan[Plane, Picture]:
        """The plan for the frame ``content``, after ``past``; rings of the sources' contents and results."""
        raster, settings, layout = self._raster, self._settings, self._layout
        view = known.view if known is not None else raster.view(content, *layout.flow, self._flow)
        if known is not None and known.planes is not None:
            motion = raster.plane(known.planes[0]), raster.plane(known.planes[1])
        else:
            motion = raster.motion(self._flow, view, past.view, past.motion)
        coarse = self._at(motion, layout.decisions)
        fx, fy = self._at(motion, layout.frame)
        x, y = self._grid[0] + fx, self._grid[1] + fy
        height, width = layout.frame
        is_inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
        # The nearest pixel's source plus the fraction that rounding left out: coordinates of different
        # sources must never be interpolated with one another.
        near_x, near_y = raster.rint(x), raster.rint(y)
        u = raster.pick(past.u, near_x, near_y) + (x - near_x)
        v = raster.pick(past.v, near_x, near_y) + (y - near_y)
        slot = raster.pick(past.slot, near_x, near_y)
        small_x, small_y = self._small_grid[0] + coarse[0], self._small_grid[1] + coarse[1]
        near_x, near_y = raster.rint(small_x), raster.rint(small_y)
        jacobian = deformation.followed(raster, past.jacobian, near_x, near_y, coarse, sigma=1.0)
        wake = raster.pick(past.wake, near_x, near_y)
        fit = raster.pick(past.fit, near_x, near_y)
        moving = edge_structure.moving(raster, layout, coarse)
        trace = raster.pick(past.trace, near_x, near_y) * _STAYS
        trace = raster.chosen(moving > trace, moving, trace)

        small = raster.shrunk(content, *layout.decisions)
        sources = self._at_sources(contents, u, v, slot)
        light = lighting.change(raster, layout, small, sources)
        lit = raster.plus(sources, light)
        shift = self._refinement(small, lit)
        jacobian = deformation.refined(raster, jacobian, shift)
        u = u + raster.resized(shift[0], *layout.frame) * float(layout.step)
        v = v + raster.resized(shift[1], *layout.frame) * float(layout.step)

        is_fresh = raster.pick(raster.floats(past.fresh), near_x, near_y) > 0.5
        painting = self._at_sources(paintings, u, v, slot)
        fit, lost = edge_structure.lost(raster, layout, settings, small, lit, painting, fit, is_fresh, moving)
        differs = raster.difference(small, lit, 1.2 * layout.scale)
        # Grain must not trigger repainting: what half of all pixels differ by is noise, if it is little.
        noise = min(max(0.0, raster.median(differs) - 0.015), _LARGEST_NOISE)
        texture = self._texture(small)
        is_torn = deformation.tear(raster, coarse) > settings.tear
        is_old = self._coarse(is_inside)
        is_missed = unexplained(
            raster, layout, settings, small, past.small, small_x, small_y, is_old, texture, noise
        )
        is_beside = raster.blurred(raster.floats(is_torn), _BESIDE * layout.scale) > 0.02
        near_missed = raster.blurred(raster.floats(is_missed), _BESIDE_MISSED * layout.scale) > 0.05
        is_beside = is_beside | near_missed
        is_fringe = (wake > 0.5) & is_beside
        losable = edge_structure.losable(raster, settings, moving, fit) * self._patience
        is_bad = (
            is_fringe
            | (lost > losable)
            | (differs > self._allowed(texture, noise))
            | is_torn
            | self._is_spent(shift, jacobian)
            | self._is_patchwork(slot)
            | self._is_outside(u, v)
        )
        is_bad = raster.calm(is_bad) | ~is_old | self._is_due(renew)
        weight = self._weight(is_bad)
        agree = raster.clip(2 - raster.blurred(differs, 1.0) / (settings.fade_content + noise), 0.0, 1.0)
        torn = raster.blurred(raster.floats(is_torn | is_fringe | ~is_old), 2 * layout.scale)
        missed = raster.blurred(raster.floats(is_missed), 2 * layout.scale)
        unrest = raster.pick(past.unrest, near_x, near_y) * _LATELY + raster.floats(is_bad) * (1 - _LATELY)
        # one repainting makes a fifth; strokes that fade over others that fade are haze
        again = raster.blurred(unrest, 2 * layout.scale) - (1 - _LATELY)
        settled = 1 - raster.clip(settings.fade_unrest * again, 0.0, 1.0)
        then = self._on_tone_grid(motion)
        state = State(
            content=content,
            small=small,
            view=view,
            motion=motion,
            u=u,
            v=v,
            slot=slot,
            jacobian=jacobian,
            wake=wake,
            fit=fit,
            fresh=past.fresh,
            trace=trace,
            unrest=unrest,
            tone=raster.moved(past.tone, *then),
            goal=raster.moved(past.goal, *then),
        )
        return Plan(
            state=state,
            x=x,
            y=y,
            is_inside=is_inside,
            weight=weight,
            agree=agree * (1 - raster.clip(4 * torn, 0.0, 1.0)),
            holds=raster.clip(1 - lost / settings.fade_structure, 0.0, 1.0)
            * (1 - raster.clip(4 * missed, 0.0, 1.0))
            * settled,
            brightening=lighting.brightening(raster, layout, small, past.small),
            relit=lighting.relit(raster, layout, sources, lit),
            is_beside=is_beside,
            share=1 - raster.mean(raster.floats(weight >= 1)),
            renewal=min(1.0, renew * _TURNS),
        )

    def without(self, plan: Plan[Plane, Picture], mask: Plane) -> Plan[Plane, Picture]:
        """``plan`` with fresh paint where ``mask`` (on the decision grid) is true, too."""
        raster = self._raster
        less = self._weight(mask)
        weight = plan.weight * (plan.weight <= less) + less * (less < plan.weight)
        return replace(plan, weight=weight, share=1 - raster.mean(raster.floats(weight >= 1)))

    # What is known of the past ------------------------------------------------------------------------

    def _at(self, motion: tuple[Plane, Plane], size: tuple[int, int]) -> tuple[Plane, Plane]:
        """``motion`` at another size, in its px."""
        raster, flow = self._raster, self._layout.flow
        ratio_y, ratio_x = size[0] / flow[0], size[1] / flow[1]
        return raster.resized(motion[0], *size) * ratio_x, raster.resized(motion[1], *size) * ratio_y

    def _coarse(self, plane: Plane) -> Plane:
        """Every so many pixels of a plane: the decision grid."""
        return plane[:: self._layout.step, :: self._layout.step]

    def _at_sources(self, contents: Ring[Picture], u: Plane, v: Plane, slot: Plane) -> Picture:
        """The contents that each pixel's paint was made for, on the decision grid."""
        (height, width), small = self._layout.frame, self._layout.decisions
        half = self._layout.step / 2  # px from a pixel's edge to the middle of those it stands for
        return self._raster.sample(
            contents,
            self._coarse(slot),
            (self._coarse(u) + half) * (small[1] / width) - 0.5,
            (self._coarse(v) + half) * (small[0] / height) - 0.5,
        )

    def _refinement(self, small: Picture, sources: Picture) -> tuple[Plane, Plane]:
        """The motion left between the frame and its paint's own contents: drift, taken out as it arises."""
        raster, settings = self._raster, self._settings
        size = self._layout.decisions
        if not settings.refine:
            zero = raster.full(*size, 0.0)
            return zero, zero
        now = raster.view(small, *size, self._refiner)
        then = raster.view(sources, *size, self._refiner)
        rx, ry = raster.motion(self._refiner, now, then)
        sigma = settings.smooth * self._layout.scale
        return raster.blurred(rx, sigma) * settings.refine, raster.blurred(ry, sigma) * settings.refine

    # What speaks against old paint --------------------------------------------------------------------

    def _texture(self, small: Picture) -> Plane:
        """Local contrast, 0 to 1: mean distance of the luminance from its mean around."""
        raster, sigma = self._raster, 4 * self._layout.scale
        grey = raster.luminance(small)
        return raster.blurred(abs(grey - raster.blurred(grey, sigma)), sigma)

    def _allowed(self, texture: Plane, noise: float) -> Plane:
        """By how much the content may differ from what the paint was made for, 0 to 1."""
        # A shift that shows on an even ground is lost in grass: what is allowed grows with the texture.
        limit = self._settings.content + self._settings.texture * texture
        return limit * self._patience + 2 * noise

    def _is_spent(self, shift: tuple[Plane, Plane], jacobian: deformation.Jacobian[Plane]) -> Plane:
        """Whether paint has drifted or been deformed too far."""
        drift = self._settings.drift * self._layout.scale
        spread = 0.9 + 0.2 * self._phase  # in a zoom all paint reaches its limit at once: not so here
        stretch = deformation.stretch(self._raster, jacobian)
        is_adrift = shift[0] * shift[0] + shift[1] * shift[1] > drift * drift
        is_spent: Plane = is_adrift | (stretch > self._settings.stretch * spread)
        return is_spent

    def _is_patchwork(self, slot: Plane) -> Plane:
        """Whether paint is in slivers: in a pan a new one comes in with every frame."""
        raster = self._raster
        slot = self._coarse(slot)
        seams = raster.full(*self._layout.decisions, 0.0)
        seams[:, 1:] += raster.floats(slot[:, 1:] != slot[:, :-1])
        seams[1:] += raster.floats(slot[1:] != slot[:-1])
        return raster.blurred(seams, 8 * self._layout.scale) > self._settings.patchwork

    def _is_outside(self, u: Plane, v: Plane) -> Plane:
        u, v = self._coarse(u), self._coarse(v)
        height, width = self._layout.frame
        return (u < -0.5) | (u > width - 0.5) | (v < -0.5) | (v > height - 0.5)

    def _is_due(self, renew: float) -> Plane:
        """Patches whose turn it is, in a change of style or at a stability below 1."""
        turns = renew * _TURNS
        if self._stability < 1:
            turns += (1 - self._stability) / 2  # at 0.5 every fourth frame
        before, self._turned = self._turned, self._turned + turns
        start = self._raster.floor(self._phase + before)
        is_due: Plane = self._raster.floor(self._phase + self._turned) > start
        return is_due

    def _weight(self, is_bad: Plane) -> Plane:
        raster = self._raster
        keep = raster.blurred(raster.floats(~is_bad), self._settings.seam * self._layout.scale)
        weight = raster.clip(2 * keep - 1, 0.0, 1.0)
        weight = weight * (weight > 0.002)
        softened: Plane = weight + (1 - weight) * (weight > 0.998)
        return softened

    def _patches(self) -> Plane:
        """A number from 0 to 1 for each place, alike within patches: repainting goes patch by patch."""
        raster = self._raster
        height, width = self._layout.decisions
        generator = np.random.default_rng(7)  # fixed: results are reproducible
        size = max(4.0, 24 * self._layout.scale)
        coarse = generator.random((max(3, round(height / size) + 1), max(3, round(width / size) + 1)))
        low, high = 0.15, 0.85  # interpolated noise seldom goes farther
        return raster.clip(
            (raster.resized(raster.plane(coarse), height, width) - low) / (high - low), 0.0, 1.0
        )

    def _on_tone_grid(self, motion: tuple[Plane, Plane]) -> tuple[Plane, Plane]:
        """Where each pixel of the tone was in the last frame."""
        raster = self._raster
        height, width = self._layout.tone
        fx, fy = self._at(motion, (height, width))
        x, y = self._tone_grid
        return raster.clip(x + fx, 0, width - 1), raster.clip(y + fy, 0, height - 1)
