"""The plan of a frame, made before it is painted: where its old paint is, and where to repaint."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic

from vidstyle.flow.base import FlowEstimator
from vidstyle.temporal.backends.base import Picture, Plane, Raster, Ring, limited
from vidstyle.temporal.base import FrameMotion
from vidstyle.temporal.paint_map import deformation, edge_structure, lighting, limits
from vidstyle.temporal.paint_map.schedule import CYCLES_PER_TRANSITION, Schedule
from vidstyle.temporal.paint_map.settings import MapLayout, MapSettings
from vidstyle.temporal.paint_map.state import Plan, State, first_state
from vidstyle.temporal.paint_map.unexplained import unexplained

_LARGEST_NOISE = 0.03  # of the range: more is not grain but a picture that changes everywhere
_BOUNDARY_SIGMA = 2.5  # px at 360 lines: painted outlines extend this far beyond the object
_MISSED_SIGMA = 1.25  # px at 360 lines: less, as patches of missed motion are already widened
_MOTION_DECAY = 0.9  # of ``State.recent_motion``, per frame
_RATE_DECAY = 0.8  # of ``State.repaint_rate``, an exponential moving average, per frame


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
        self._tolerance = 0.3 + 0.7 * stability  # factor on the limits, which are those of stability 1
        self._flow, self._refiner = flow, refiner
        self._grid: tuple[Plane, Plane] = raster.grid(*layout.frame)
        self._small_grid: tuple[Plane, Plane] = raster.grid(*layout.decisions)
        self._tone_grid: tuple[Plane, Plane] = raster.grid(*layout.tone)
        self.schedule: Schedule[Plane, Picture] = Schedule(raster, layout, stability)
        """Which patches are due; it goes on by a frame with each plan."""

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
        """The plan for the frame ``content``, of the first frame's size and depth.

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
        coarse = self._resample(motion, layout.decisions)
        fx, fy = self._resample(motion, layout.frame)
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
        sources = self._sample_sources(contents, u, v, slot)
        light = lighting.change(raster, layout, small, sources)
        lit = raster.add(sources, light)
        shift = self._drift_correction(small, lit)
        jacobian = deformation.add_shift(raster, jacobian, shift)
        u = u + raster.resize(shift[0], *layout.frame) * float(layout.step)
        v = v + raster.resize(shift[1], *layout.frame) * float(layout.step)

        is_new = raster.gather(raster.to_float(past.is_new), near_x, near_y) > 0.5
        painting = self._sample_sources(paintings, u, v, slot)
        fit, loss = edge_structure.structure_loss(
            raster, layout, settings, small, lit, painting, fit, is_new, moving
        )
        differs = raster.color_distance(small, lit, 1.2 * layout.scale)
        # Grain must not trigger repainting: a small median difference is taken for noise.
        noise = limited(raster.median(differs) - 0.015, 0.0, _LARGEST_NOISE)
        texture = limits.local_contrast(raster, layout, small)
        is_torn = deformation.tear(raster, coarse) > settings.tear
        is_old = self._subsample(is_inside)
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
        is_repainted = (
            is_provisional
            | (loss > allowed_loss)
            | (differs > limits.allowed_difference(settings, texture, noise, self._tolerance))
            | is_torn
            | limits.is_spent(raster, layout, settings, shift, jacobian, self.schedule.phase)
            | limits.is_patchwork(raster, layout, settings, self._subsample(slot))
            | limits.is_outside(layout, self._subsample(u), self._subsample(v))
        )
        is_repainted = raster.median_filter(is_repainted) | ~is_old | self.schedule.advance(renew)
        weight = self._weight(is_repainted)
        agreement = raster.clip(
            2 - raster.gaussian_blur(differs, 1.0) / (settings.fade_content + noise), 0.0, 1.0
        )
        torn = raster.gaussian_blur(raster.to_float(is_torn | is_provisional | ~is_old), 2 * layout.scale)
        missed = raster.gaussian_blur(raster.to_float(is_missed), 2 * layout.scale)
        repaint_rate = raster.gather(past.repaint_rate, near_x, near_y) * _RATE_DECAY + raster.to_float(
            is_repainted
        ) * (1 - _RATE_DECAY)
        # A single repaint makes a rate of 1 - _RATE_DECAY. Beyond that fades are shortened: overlapping
        # fades of strokes blur.
        excess = raster.gaussian_blur(repaint_rate, 2 * layout.scale) - (1 - _RATE_DECAY)
        settled = 1 - raster.clip(settings.fade_unrest * excess, 0.0, 1.0)
        tone_source = self._last_tone_positions(motion)
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
            is_new=past.is_new,
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
            renewal=min(1.0, renew * CYCLES_PER_TRANSITION),
        )

    def repaint_also(self, plan: Plan[Plane, Picture], mask: Plane) -> Plan[Plane, Picture]:
        """``plan`` that also repaints where ``mask`` (bool, decision grid) is true."""
        raster = self._raster
        less = self._weight(mask)
        weight = plan.weight * (plan.weight <= less) + less * (less < plan.weight)
        return replace(plan, weight=weight, share=1 - raster.mean(raster.to_float(weight >= 1)))

    def _resample(self, motion: tuple[Plane, Plane], size: tuple[int, int]) -> tuple[Plane, Plane]:
        """``motion`` resampled to ``size`` (height, width), in px of that size."""
        raster, flow = self._raster, self._layout.flow
        ratio_y, ratio_x = size[0] / flow[0], size[1] / flow[1]
        return raster.resize(motion[0], *size) * ratio_x, raster.resize(motion[1], *size) * ratio_y

    def _subsample(self, plane: Plane) -> Plane:
        """A plane of the frame's size, subsampled to the decision grid."""
        return plane[:: self._layout.step, :: self._layout.step]

    def _sample_sources(self, contents: Ring[Picture], u: Plane, v: Plane, slot: Plane) -> Picture:
        """``contents`` on the decision grid, sampled at the sources (planes of the frame's size)."""
        (height, width), small = self._layout.frame, self._layout.decisions
        half = self._layout.step / 2  # px of the frame: from the edge of a grid cell to its centre
        return self._raster.sample_bilinear(
            contents,
            self._subsample(slot),
            (self._subsample(u) + half) * (small[1] / width) - 0.5,
            (self._subsample(v) + half) * (small[0] / height) - 0.5,
        )

    def _drift_correction(self, small: Picture, sources: Picture) -> tuple[Plane, Plane]:
        """The drift to correct in this frame: a share of the residual motion to the paint's contents.

        x and y, px of the decision grid, from ``small`` to ``sources``, which are on that grid.
        """
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

    def _weight(self, is_repainted: Plane) -> Plane:
        """Weight of old paint: 0 where it is repainted, 1 elsewhere, with a ramp between; decision grid."""
        raster = self._raster
        keep = raster.gaussian_blur(raster.to_float(~is_repainted), self._settings.seam * self._layout.scale)
        weight = raster.clip(2 * keep - 1, 0.0, 1.0)
        weight = weight * (weight > 0.002)
        softened: Plane = weight + (1 - weight) * (weight > 0.998)
        return softened

    def _last_tone_positions(self, motion: tuple[Plane, Plane]) -> tuple[Plane, Plane]:
        """Where each pixel of the tone grid was in the last frame: x and y, px of that grid."""
        raster = self._raster
        height, width = self._layout.tone
        fx, fy = self._resample(motion, (height, width))
        x, y = self._tone_grid
        return raster.clip(x + fx, 0, width - 1), raster.clip(y + fy, 0, height - 1)
