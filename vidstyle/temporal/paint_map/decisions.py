"""The decisions taken before a frame is painted: where old paint is sampled from, and where to repaint."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic

import numpy as np

from vidstyle.flow.base import FlowEstimator
from vidstyle.temporal.backends.base import Picture, Plane, Raster, Ring
from vidstyle.temporal.base import FrameMotion
from vidstyle.temporal.paint_map import deformation, edge_structure, lighting
from vidstyle.temporal.paint_map.settings import MapLayout, MapSettings
from vidstyle.temporal.paint_map.state import Plan, State, first_state
from vidstyle.temporal.paint_map.unexplained import unexplained

_LARGEST_NOISE = 0.03  # of the range: more is not grain but a picture that changes everywhere
_BOUNDARY_SIGMA = 2.5  # px at 360 lines: painted outlines extend this far beyond the object
_MISSED_SIGMA = 1.25  # px at 360 lines: less, as patches of missed motion are already widened
_MOTION_DECAY = 0.9  # of ``State.recent_motion``, per frame
_RATE_DECAY = 0.8  # of ``State.repaint_rate``, an exponential moving average, per frame
_REPAINTS = 12  # times that a patch is repainted in a transition from one style to another


class Decider(Generic[Plane, Picture]):
    """Plans the frames of one shot: where each pixel's old paint is, and where to repaint.

    Args:
        flow: estimates motion from each frame to the one before.
        refiner: estimates the residual motion between a frame and the contents that its paint was made for.
    """

    def __init__(
        self,
        raster: Raster[Plane, Picture],
        layout: MapLayout,
        settings: MapSettings,
        stability: float,
        flow: FlowEstimator,
        refiner: FlowEstimator,
    ) -> None:
        self._raster: Raster[Plane, Picture] = raster
        self._layout, self._settings = layout, settings
        self._stability = stability
        self._tolerance = 0.3 + 0.7 * stability  # factor on the limits, which are those of stability 1
        self._flow, self._refiner = flow, refiner
        self._grid: tuple[Plane, Plane] = raster.grid(*layout.frame)
        self._small_grid: tuple[Plane, Plane] = raster.grid(*layout.decisions)
        self._tone_grid: tuple[Plane, Plane] = raster.grid(*layout.tone)
        self._phase: Plane = self._patches()
        self._cycles = 0.0  # complete cycles of repainting since the shot began

    def begin(self, content: Picture) -> State[Plane, Picture]:
        """The state of a shot's first frame."""
        flow_input = self._raster.flow_input(content, *self._layout.flow, self._flow)
        return first_state(self._raster, self._layout, content, flow_input, self._grid)

    def decide(
        self,
        content: Picture,
        past: State[Plane, Picture],
        contents: Ring[Picture],
        paintings: Ring[Picture],
        renew: float,
        known: FrameMotion | None = None,
    ) -> Plan[Plane, Picture]:
        """The plan for the frame ``content``.

        Args:
            past: the state of the frame before.
            contents: ring of the contents that kept results were painted for, on the decision grid.
            paintings: ring of those results, on the decision grid.
            renew: change of style since the last frame, as a share (0 to 1) of a whole transition.
            known: the frame's motion, if it has been estimated already.
        """
        raster, settings, layout = self._raster, self._settings, self._layout
        if known is not None:
            flow_input = known.flow_input
        else:
            flow_input = raster.flow_input(content, *layout.flow, self._flow)
        if known is not None and known.planes is not None:
            motion = raster.from_array(known.planes[0]), raster.from_array(known.planes[1])
        else:
            motion = raster.estimate_motion(self._flow, flow_input, past.flow_input, past.motion)
        coarse = self._at(motion, layout.decisions)
        fx, fy = self._at(motion, layout.frame)
        x, y = self._grid[0] + fx, self._grid[1] + fy
        height, width = layout.frame
        is_inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
        # Take the nearest pixel's source coordinates and add the rounding error: coordinates in different
        # sources must not be interpolated.
        near_x, near_y = raster.rint(x), raster.rint(y)
        u = raster.gather(past.u, near_x, near_y) + (x - near_x)
        v = raster.gather(past.v, near_x, near_y) + (y - near_y)
        slot = raster.gather(past.slot, near_x, near_y)
        small_x, small_y = self._small_grid[0] + coarse[0], self._small_grid[1] + coarse[1]
        near_x, near_y = raster.rint(small_x), raster.rint(small_y)
        jacobian = deformation.propagate(raster, past.jacobian, near_x, near_y, coarse, sigma=1.0)
        provisional = raster.gather(past.provisional, near_x, near_y)
        fit = raster.gather(past.fit, near_x, near_y)
        moving = edge_structure.moving(raster, layout, coarse)
        recent_motion = raster.gather(past.recent_motion, near_x, near_y) * _MOTION_DECAY
        recent_motion = raster.select(moving > recent_motion, moving, recent_motion)

        small = raster.downsample(content, *layout.decisions)
        sources = self._at_sources(contents, u, v, slot)
        light = lighting.change(raster, layout, small, sources)
        lit = raster.add(sources, light)
        shift = self._refinement(small, lit)
        jacobian = deformation.add_shift(raster, jacobian, shift)
        u = u + raster.resize(shift[0], *layout.frame) * float(layout.step)
        v = v + raster.resize(shift[1], *layout.frame) * float(layout.step)

        is_fresh = raster.gather(raster.to_float(past.fresh), near_x, near_y) > 0.5
        painting = self._at_sources(paintings, u, v, slot)
        fit, loss = edge_structure.structure_loss(
            raster, layout, settings, small, lit, painting, fit, is_fresh, moving
        )
        differs = raster.color_distance(small, lit, 1.2 * layout.scale)
        # Grain must not trigger repainting: a small median difference is taken for noise.
        noise = min(max(0.0, raster.median(differs) - 0.015), _LARGEST_NOISE)
        texture = self._texture(small)
        is_torn = deformation.tear(raster, coarse) > settings.tear
        is_old = self._coarse(is_inside)
        is_missed = unexplained(
            raster, layout, settings, small, past.small, small_x, small_y, is_old, texture, noise
        )
        is_near_boundary = (
            raster.gaussian_blur(raster.to_float(is_torn), _BOUNDARY_SIGMA * layout.scale) > 0.02
        )
        near_missed = raster.gaussian_blur(raster.to_float(is_missed), _MISSED_SIGMA * layout.scale) > 0.05
        is_near_boundary = is_near_boundary | near_missed
        is_provisional = (provisional > 0.5) & is_near_boundary
        allowed_loss = edge_structure.allowed_loss(raster, settings, moving, fit) * self._tolerance
        is_bad = (
            is_provisional
            | (loss > allowed_loss)
            | (differs > self._allowed(texture, noise))
            | is_torn
            | self._is_spent(shift, jacobian)
            | self._is_patchwork(slot)
            | self._is_outside(u, v)
        )
        is_bad = raster.median_filter(is_bad) | ~is_old | self._is_due(renew)
        weight = self._weight(is_bad)
        agreement = raster.clip(
            2 - raster.gaussian_blur(differs, 1.0) / (settings.fade_content + noise), 0.0, 1.0
        )
        torn = raster.gaussian_blur(raster.to_float(is_torn | is_provisional | ~is_old), 2 * layout.scale)
        missed = raster.gaussian_blur(raster.to_float(is_missed), 2 * layout.scale)
        repaint_rate = raster.gather(past.repaint_rate, near_x, near_y) * _RATE_DECAY + raster.to_float(
            is_bad
        ) * (1 - _RATE_DECAY)
        # A single repaint makes a rate of 1 - _RATE_DECAY. Beyond that fades are shortened: overlapping
        # fades of strokes blur.
        excess = raster.gaussian_blur(repaint_rate, 2 * layout.scale) - (1 - _RATE_DECAY)
        settled = 1 - raster.clip(settings.fade_unrest * excess, 0.0, 1.0)
        tone_source = self._on_tone_grid(motion)
        state = State(
            content=content,
            small=small,
            flow_input=flow_input,
            motion=motion,
            u=u,
            v=v,
            slot=slot,
            jacobian=jacobian,
            provisional=provisional,
            fit=fit,
            fresh=past.fresh,
            recent_motion=recent_motion,
            repaint_rate=repaint_rate,
            tone=raster.warp_difference(past.tone, *tone_source),
            tone_target=raster.warp_difference(past.tone_target, *tone_source),
        )
        return Plan(
            state=state,
            x=x,
            y=y,
            is_inside=is_inside,
            weight=weight,
            agreement=agreement * (1 - raster.clip(4 * torn, 0.0, 1.0)),
            structure_agreement=raster.clip(1 - loss / settings.fade_structure, 0.0, 1.0)
            * (1 - raster.clip(4 * missed, 0.0, 1.0))
            * settled,
            brightening=lighting.brightening(raster, layout, small, past.small),
            relit=lighting.relit(raster, layout, sources, lit),
            is_near_boundary=is_near_boundary,
            share=1 - raster.mean(raster.to_float(weight >= 1)),
            renewal=min(1.0, renew * _REPAINTS),
        )

    def without(self, plan: Plan[Plane, Picture], mask: Plane) -> Plan[Plane, Picture]:
        """``plan`` that also repaints where ``mask`` (bool, decision grid) is true."""
        raster = self._raster
        less = self._weight(mask)
        weight = plan.weight * (plan.weight <= less) + less * (less < plan.weight)
        return replace(plan, weight=weight, share=1 - raster.mean(raster.to_float(weight >= 1)))

    # Old paint and its content -------------------------------------------------------------------------

    def _at(self, motion: tuple[Plane, Plane], size: tuple[int, int]) -> tuple[Plane, Plane]:
        """``motion`` resampled to ``size`` (height, width), in px of that size."""
        raster, flow = self._raster, self._layout.flow
        ratio_y, ratio_x = size[0] / flow[0], size[1] / flow[1]
        return raster.resize(motion[0], *size) * ratio_x, raster.resize(motion[1], *size) * ratio_y

    def _coarse(self, plane: Plane) -> Plane:
        """A plane of the frame's size, subsampled to the decision grid."""
        return plane[:: self._layout.step, :: self._layout.step]

    def _at_sources(self, contents: Ring[Picture], u: Plane, v: Plane, slot: Plane) -> Picture:
        """``contents`` sampled at each pixel's source, on the decision grid."""
        (height, width), small = self._layout.frame, self._layout.decisions
        half = self._layout.step / 2  # px of the frame: from the edge of a grid cell to its centre
        return self._raster.sample_bilinear(
            contents,
            self._coarse(slot),
            (self._coarse(u) + half) * (small[1] / width) - 0.5,
            (self._coarse(v) + half) * (small[0] / height) - 0.5,
        )

    def _refinement(self, small: Picture, sources: Picture) -> tuple[Plane, Plane]:
        """The drift to correct now: a share of the residual motion to the paint's contents, px."""
        raster, settings = self._raster, self._settings
        size = self._layout.decisions
        if not settings.refine:
            zero = raster.full(*size, 0.0)
            return zero, zero
        now = raster.flow_input(small, *size, self._refiner)
        then = raster.flow_input(sources, *size, self._refiner)
        residual = raster.estimate_motion(self._refiner, now, then)
        sigma = settings.smooth * self._layout.scale
        x, y = (raster.gaussian_blur(plane, sigma) * settings.refine for plane in residual)
        return x, y

    # Reasons to repaint --------------------------------------------------------------------------------

    def _texture(self, small: Picture) -> Plane:
        """Local contrast, 0 to 1: mean absolute deviation of the luminance from its local mean."""
        raster, sigma = self._raster, 4 * self._layout.scale
        grey = raster.luminance(small)
        return raster.gaussian_blur(abs(grey - raster.gaussian_blur(grey, sigma)), sigma)

    def _allowed(self, texture: Plane, noise: float) -> Plane:
        """Largest difference (0 to 1) allowed between the content and what the paint was made for."""
        # A small shift is visible on a smooth surface and not in grass: the limit grows with the texture.
        limit = self._settings.content + self._settings.texture * texture
        return limit * self._tolerance + 2 * noise

    def _is_spent(self, shift: tuple[Plane, Plane], jacobian: deformation.Jacobian[Plane]) -> Plane:
        """Whether paint has drifted or been deformed too far."""
        drift = self._settings.drift * self._layout.scale
        spread = 0.9 + 0.2 * self._phase  # else a zoom would repaint the whole frame at once
        stretch = deformation.stretch(self._raster, jacobian)
        is_adrift = shift[0] * shift[0] + shift[1] * shift[1] > drift * drift
        is_spent: Plane = is_adrift | (stretch > self._settings.stretch * spread)
        return is_spent

    def _is_patchwork(self, slot: Plane) -> Plane:
        """Whether paint is in narrow strips of many sources: a pan adds one at the border in each frame."""
        raster = self._raster
        slot = self._coarse(slot)
        seams = raster.full(*self._layout.decisions, 0.0)
        seams[:, 1:] += raster.to_float(slot[:, 1:] != slot[:, :-1])
        seams[1:] += raster.to_float(slot[1:] != slot[:-1])
        return raster.gaussian_blur(seams, 8 * self._layout.scale) > self._settings.patchwork

    def _is_outside(self, u: Plane, v: Plane) -> Plane:
        u, v = self._coarse(u), self._coarse(v)
        height, width = self._layout.frame
        return (u < -0.5) | (u > width - 0.5) | (v < -0.5) | (v > height - 0.5)

    def _is_due(self, renew: float) -> Plane:
        """Patches due for scheduled repainting, in a style transition or at a stability below 1."""
        cycles = renew * _REPAINTS
        if self._stability < 1:
            cycles += (1 - self._stability) / 2  # at 0.5 every fourth frame
        before, self._cycles = self._cycles, self._cycles + cycles
        start = self._raster.floor(self._phase + before)
        is_due: Plane = self._raster.floor(self._phase + self._cycles) > start
        return is_due

    def _weight(self, is_bad: Plane) -> Plane:
        """Weight of the old paint: 0 where ``is_bad``, 1 elsewhere, with a ramp between."""
        raster = self._raster
        keep = raster.gaussian_blur(raster.to_float(~is_bad), self._settings.seam * self._layout.scale)
        weight = raster.clip(2 * keep - 1, 0.0, 1.0)
        weight = weight * (weight > 0.002)
        softened: Plane = weight + (1 - weight) * (weight > 0.998)
        return softened

    def _patches(self) -> Plane:
        """A phase (0 to 1) for each pixel, similar within patches, which are repainted together."""
        raster = self._raster
        height, width = self._layout.decisions
        generator = np.random.default_rng(7)  # fixed: results are reproducible
        size = max(4.0, 24 * self._layout.scale)
        coarse = generator.random((max(3, round(height / size) + 1), max(3, round(width / size) + 1)))
        low, high = 0.15, 0.85  # interpolated noise is seldom outside
        return raster.clip(
            (raster.resize(raster.from_array(coarse), height, width) - low) / (high - low), 0.0, 1.0
        )

    def _on_tone_grid(self, motion: tuple[Plane, Plane]) -> tuple[Plane, Plane]:
        """Where each pixel of the tone grid was in the last frame: x and y, px of that grid."""
        raster = self._raster
        height, width = self._layout.tone
        fx, fy = self._at(motion, (height, width))
        x, y = self._tone_grid
        return raster.clip(x + fx, 0, width - 1), raster.clip(y + fy, 0, height - 1)
