"""Paint that sticks to things: every pixel of a result refers to where, and when, it was painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator
from vidstyle.flow.dis import DIS, DISSettings
from vidstyle.temporal import deformation
from vidstyle.temporal.raster import Picture, Plane, Raster, View
from vidstyle.temporal.raster_cv import CvRaster

_LINES = 360  # short side, px, for which the lengths in MapSettings are given
_DECISIONS = 180  # px: decisions are taken at about this short side, whatever the frame's
_LIGHT = 4  # px of decisions to one px of light and tone
FLOW_SIZE = 432  # px: short side at which motion is estimated, never above the frame's own
_LARGEST_NOISE = 0.03  # of the range: more is no grain, but a picture that changes everywhere
_RING_BYTES = 400e6  # results that are kept take at most this much
_RING_LINES = 32_000  # OpenCV refuses to sample taller pictures


_REFINER = DISSettings(finest_scale=2)  # what is left to find is small and smooth


@dataclass(frozen=True, slots=True)
class MapSettings:
    """When paint is kept. Lengths are in px at 360 lines and grow with the short side."""

    slots: int = 64
    """Past results that paint may lie in; fewer for large frames."""
    content: float = 0.05
    """Repaint where the content differs by more (of the range) from what the paint was made for."""
    texture: float = 1.0
    """How much more it may differ for each unit of local contrast."""
    drift: float = 3.0
    """Repaint where the refinement wants to move paint farther than this, px."""
    stretch: float = 1.35
    """Repaint where strokes have become this many times longer, shorter or sheared."""
    tear: float = 1.5
    """Repaint, without a fade, where motion stretches or squeezes this much in one frame: what was hidden
    is uncovered there."""
    refine: float = 0.3
    """Share that is followed of the motion still found between a frame and its paint's own contents."""
    smooth: float = 4.0
    """Gaussian, px, over that motion."""
    seam: float = 1.0
    """Gaussian, px, of the border between old paint and new."""
    fade: float = 0.85
    """What is left, a frame later, of the step from old paint to new; 0 switches at once."""
    fade_content: float = 0.15
    """No fade where the content differs by more: it would be a ghost."""
    match: float = 0.8
    """Share of the coarse colours of old paint that the new strokes in its place begin with."""
    tone: float = 0.1
    """Share of the coarse colour difference to fresh paint that old paint takes on in each frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """Where a frame wants fresh paint."""

    mask: Plane
    """(h, w) bool on the map's coarser grid; true where fresh paint will be shown."""
    share: float
    """Share of the picture, 0 to 1."""


@dataclass(slots=True, eq=False)
class _Plan:
    """What ``plan`` found out and ``settle`` needs."""

    content: Picture
    small: Picture
    view: View
    x: Plane
    y: Plane
    u: Plane
    v: Plane
    slot: Plane
    weight: Plane
    agree: Plane
    is_inside: Plane
    jacobian: deformation.Jacobian
    tone: Picture
    goal: Picture
    share: float


class PaintMap:
    """Makes separately painted frames of one shot agree. One per shot; knows nothing of the engine.

    For each frame call ``plan`` with its content, paint at least where it says, then call ``settle`` with
    the painting. No future frame is looked at, and memory does not grow. Old paint is shown exactly as it
    was painted or replaced; it is never averaged over time, which is what blurs other methods.
    """

    def __init__(
        self,
        flow: FlowEstimator | None = None,
        *,
        flow_size: int | None = None,
        stability: float = 1.0,
        settings: MapSettings = MapSettings(),  # a frozen record
        raster: Raster | None = None,
    ) -> None:
        """Begin a shot.

        Args:
            flow: estimates motion; DIS if not given.
            flow_size: short side, px, at which motion is estimated; ``FLOW_SIZE`` or the frame's own if less.
            stability: 1 keeps paint as long as it holds; lower repaints sooner and in turn, above 0.
            settings: limits; the defaults were tuned on real clips.
            raster: where to compute; NumPy and OpenCV if not given.
        """
        if not 0 < stability <= 1:
            raise OptionError(f"stability of a paint map must be above 0 and at most 1, got {stability}")
        self.settings = settings
        self.stability = stability
        self.flow_size = flow_size
        self._raster: Raster = raster if raster is not None else CvRaster()
        self._flow = flow if flow is not None else DIS()
        self._refiner: Any = DIS(_REFINER) if isinstance(self._flow, DIS) else self._flow
        self._frame = 0
        self._plan: _Plan | None = None
        self._shown: Picture | None = None
        self._is_same = False
        self._fading: Picture | None = None
        self._turned = 0.0  # turns of repainting since the shot began

    # The two steps ------------------------------------------------------------------------------------

    def plan(self, content: Any, *, renew: float = 0.0) -> Need:
        """Decide where the frame ``content`` (H, W, 3) uint8 or uint16 wants fresh paint.

        Args:
            content: the frame, as the raster takes it: an array (H, W, 3), uint8 or uint16.
            renew: share (0 to 1) of the way to another style that has been gone since the last frame.
        """
        picture = self._raster.upload(content)
        if self._frame == 0:
            self._begin(picture)
            self._first = picture
            return Need(self._everything, 1.0)
        if self._raster.size(picture) != (self._height, self._width):
            raise OptionError(
                f"frames of one paint map must have one size: {self._width}x{self._height} so far, "
                f"then {self._raster.size(picture)[1]}x{self._raster.size(picture)[0]}"
            )
        self._is_same = renew == 0 and self._fading is None and self._is_equal(picture)
        if self._is_same:
            return Need(~self._everything, 0.0)
        self._plan = plan = self._decide(picture, renew)
        # a step wider: weights are interpolated when they grow to the frame's size
        return Need(self._raster.widened(plan.weight < 1), plan.share)

    def settle(self, painted: Any, valid: Any = None) -> Any:
        """The result for the planned frame, of the painting's type, size and depth.

        Args:
            painted: the painting, the size and depth of the content.
            valid: (H, W) bool, true where there is paint, at least where it was needed; None: everywhere.
        """
        raster = self._raster
        paint = raster.upload(painted)
        if self._is_same and self._shown is not None:
            return raster.download(self._shown)
        if self._plan is None:
            return raster.download(self._settle_first(paint))
        plan, self._plan = self._plan, None
        result = self._settle(plan, paint, valid)
        self._frame += 1
        return raster.download(result)

    # The first frame ----------------------------------------------------------------------------------

    def _begin(self, picture: Picture) -> None:
        raster, settings = self._raster, self.settings
        self._height, self._width = raster.size(picture)
        short = min(self._height, self._width)
        self._scale = short / _LINES
        self._step = max(1, 2 ** round(np.log2(max(short / _DECISIONS, 1))))
        self._h, self._w = -(-self._height // self._step), -(-self._width // self._step)
        self._lh, self._lw = max(2, self._h // _LIGHT), max(2, self._w // _LIGHT)
        flow_size = min(self.flow_size or FLOW_SIZE, short)
        self._fh, self._fw = (max(1, round(side * flow_size / short)) for side in (self._height, self._width))
        size = self._height * self._width * 3 * (1 if getattr(picture, "dtype", None) == np.uint8 else 2)
        fitting = int(min(_RING_BYTES // size, _RING_LINES // (self._height + 8)))
        self._slots = max(2, min(settings.slots, fitting))
        self._xs, self._ys = raster.grid(self._height, self._width)
        self._sxs, self._sys = raster.grid(self._h, self._w)
        self._everything = raster.full(self._h, self._w, 1.0) > 0
        self._phase = self._patches()

    def _patches(self) -> Plane:
        """A number from 0 to 1 for each place, alike within patches: repainting goes patch by patch."""
        raster = self._raster
        generator = np.random.default_rng(7)  # fixed: results are reproducible
        size = max(4.0, 24 * self._scale / self._step)  # px of a patch on the decision grid
        coarse = generator.random((max(3, round(self._h / size) + 1), max(3, round(self._w / size) + 1)))
        smooth = raster.resized(raster.plane(coarse), self._h, self._w)
        low, high = 0.15, 0.85  # interpolated noise seldom goes farther
        return raster.clip((smooth - low) / (high - low), 0.0, 1.0)

    def _settle_first(self, paint: Picture) -> Picture:
        raster = self._raster
        picture = self._first
        self._u, self._v = self._xs + 0, self._ys + 0
        self._slot = raster.slots(self._height, self._width)
        self._jacobian = deformation.none(raster, self._h, self._w)
        self._tone = raster.correction(self._lh, self._lw)
        self._goal = raster.correction(self._lh, self._lw)
        self._used = 1
        small = raster.shrunk(picture, self._h, self._w)
        self._results = raster.new_ring(self._slots, paint)
        self._contents = raster.new_ring(self._slots, small)
        raster.put(self._results, 0, paint)
        raster.put(self._contents, 0, small)
        self._content = picture
        self._view = raster.view(picture, self._fh, self._fw, self._flow)
        self._shown = paint
        self._frame = 1
        return paint

    # Each further frame -------------------------------------------------------------------------------

    def _decide(self, picture: Picture, renew: float) -> _Plan:
        raster, settings = self._raster, self.settings
        view = raster.view(picture, self._fh, self._fw, self._flow)
        fx, fy = raster.motion(self._flow, view, self._view)
        small = raster.shrunk(picture, self._h, self._w)
        ratio_x, ratio_y = self._w / self._fw, self._h / self._fh
        coarse = (
            raster.resized(fx, self._h, self._w) * ratio_x,
            raster.resized(fy, self._h, self._w) * ratio_y,
        )
        x = self._xs + raster.resized(fx, self._height, self._width) * (self._width / self._fw)
        y = self._ys + raster.resized(fy, self._height, self._width) * (self._height / self._fh)
        is_inside = (x > -0.5) & (x < self._width - 0.5) & (y > -0.5) & (y < self._height - 0.5)
        # The nearest pixel's source plus the fraction that rounding left out: coordinates of different
        # sources must never be interpolated with one another.
        near_x, near_y = raster.rint(x), raster.rint(y)
        u = raster.pick(self._u, near_x, near_y) + (x - near_x)
        v = raster.pick(self._v, near_x, near_y) + (y - near_y)
        slot = raster.pick(self._slot, near_x, near_y)
        jacobian = deformation.followed(
            raster,
            self._jacobian,
            raster.rint(self._sxs + coarse[0]),
            raster.rint(self._sys + coarse[1]),
            coarse,
            1.0,
        )
        sources = self._at_sources(u, v, slot)
        light = self._light(small, sources)
        lit = raster.plus(sources, light)
        shift = self._refinement(small, lit)
        jacobian = deformation.refined(raster, jacobian, shift)
        step = float(self._step)
        u = u + raster.resized(shift[0], self._height, self._width) * step
        v = v + raster.resized(shift[1], self._height, self._width) * step

        differs = raster.difference(small, lit, 1.2 * self._scale / step)
        # Grain must not trigger repainting: what half of all pixels differ by is noise, if it is little.
        noise = min(max(0.0, raster.median(differs) - 0.015), _LARGEST_NOISE)
        # A shift that shows on an even ground is lost in grass: what is allowed grows with the texture.
        limit = settings.content + settings.texture * self._texture(small)
        limit = limit * (0.3 + 0.7 * self.stability) + 2 * noise
        drift = settings.drift * self._scale / step
        spread = 0.9 + 0.2 * self._phase  # in a zoom all paint reaches its limit at once: not so here
        is_bad = (
            (differs > limit)
            | (shift[0] * shift[0] + shift[1] * shift[1] > drift * drift)
            | (deformation.stretch(raster, jacobian) > settings.stretch * spread)
            | self._is_outside(u, v)
            | self._is_due(renew)
        )
        is_torn = deformation.tear(raster, coarse) > settings.tear
        is_bad = raster.calm(is_bad | is_torn) | ~self._coarse(is_inside)
        keep = raster.floats(~is_bad)
        weight = raster.clip(2 * raster.blurred(keep, settings.seam * self._scale / step) - 1, 0.0, 1.0)
        weight = weight * (weight > 0.002)
        weight = weight + (1 - weight) * (weight > 0.998)
        agree = raster.clip(2 - raster.blurred(differs, 1.0) / (settings.fade_content + noise), 0.0, 1.0)
        whole = 1 - raster.clip(4 * raster.blurred(raster.floats(is_torn), 2 * self._scale / step), 0.0, 1.0)
        agree = agree * whole
        then = self._on_light_grid(coarse)
        tone, goal = raster.moved(self._tone, *then), raster.moved(self._goal, *then)
        share = 1 - raster.mean(raster.floats(weight >= 1))
        return _Plan(
            content=picture,
            small=small,
            view=view,
            x=x,
            y=y,
            u=u,
            v=v,
            slot=slot,
            weight=weight,
            agree=agree,
            is_inside=is_inside,
            jacobian=jacobian,
            tone=tone,
            goal=goal,
            share=share,
        )

    def _settle(self, plan: _Plan, paint: Picture, valid: Any) -> Picture:
        raster, settings = self._raster, self.settings
        old = raster.sample(self._results, plan.slot, plan.u, plan.v, sharp=True)
        kept = raster.resized(raster.floats(plan.weight >= 1), self._lh, self._lw)
        if valid is None:
            plan.goal = raster.coarse(paint, old, self._lh, self._lw, 1.0)
        plan.goal = raster.scaled(plan.goal, kept)
        plan.tone = raster.scaled(raster.stepped(plan.tone, plan.goal, settings.tone * kept), kept)
        old = raster.plus(old, plan.tone)
        if valid is not None:
            paint = raster.filled(paint, old, valid)
        if plan.share == 0:
            result, is_new = old, None
        else:
            weight = raster.resized(plan.weight, self._height, self._width) * plan.is_inside
            if settings.match:
                # New strokes take over the old colours where the content is the same: what is left of
                # the step is fine texture, and the tone brings the colours to the fresh ones in time.
                coarse = raster.coarse(old, paint, self._lh, self._lw, 1.0)
                sure = raster.clip(2 * plan.agree - 1, 0.0, 1.0)
                share = raster.resized(sure, self._lh, self._lw) * settings.match
                paint = raster.plus(paint, raster.scaled(coarse, share))
            result = raster.mixed(paint, old, weight)
            is_new = weight < 1
        shown = self._fade(plan, old, result)
        if is_new is not None:
            self._renew(plan, result, is_new)
        self._u, self._v, self._slot = plan.u, plan.v, plan.slot
        self._jacobian, self._tone, self._goal = plan.jacobian, plan.tone, plan.goal
        self._content, self._view = plan.content, plan.view
        self._shown = shown
        return shown

    def _renew(self, plan: _Plan, result: Picture, is_new: Plane) -> None:
        """Let new pixels, and those whose slot is needed, refer to this frame's result."""
        raster = self._raster
        if self._used < self._slots:
            slot, self._used = self._used, self._used + 1
        else:
            # The slot that the fewest pixels refer to: what is kept longest is sampled least often.
            few = slice(None, None, self._step)
            counts = raster.counts(plan.slot[few, few], ~is_new[few, few], self._slots)
            slot = counts.index(min(counts))
            is_lost = (plan.slot == slot) & ~is_new
            is_new = is_new | is_lost
            # their tone is part of the result from now on
            still = 1 - raster.resized(raster.floats(is_lost), self._lh, self._lw)
            plan.tone, plan.goal = raster.scaled(plan.tone, still), raster.scaled(plan.goal, still)
        plan.slot = raster.chosen(is_new, slot, plan.slot)
        plan.u = raster.chosen(is_new, self._xs, plan.u)
        plan.v = raster.chosen(is_new, self._ys, plan.v)
        fresh = self._coarse(is_new)
        a, b, c, d = plan.jacobian
        one, zero = self._everything, ~self._everything
        plan.jacobian = (
            raster.chosen(fresh, raster.floats(one), a),
            raster.chosen(fresh, raster.floats(zero), b),
            raster.chosen(fresh, raster.floats(zero), c),
            raster.chosen(fresh, raster.floats(one), d),
        )
        raster.put(self._results, slot, result)
        raster.put(self._contents, slot, plan.small)

    def _fade(self, plan: _Plan, old: Picture, result: Picture) -> Picture:
        """Take the step from old paint to new over a few frames, where the content is the same."""
        raster, settings = self._raster, self.settings
        if not settings.fade or (plan.share == 0 and self._fading is None):
            return result
        # Where much changes at once nothing is calm to be kept calm, and a slow fade would be a ghost.
        pace = settings.fade * min(1.0, max(0.3, 1.2 - 1.5 * plan.share))
        weight = raster.resized(plan.agree * pace, self._height, self._width) * plan.is_inside
        step = raster.minus(old, result)
        before = raster.moved(self._fading, plan.x, plan.y) if self._fading is not None else None
        self._fading = raster.faded(step, before, weight)
        return result if self._fading is None else raster.plus(result, self._fading)

    # Parts of a decision ------------------------------------------------------------------------------

    def _coarse(self, plane: Plane) -> Plane:
        return plane[:: self._step, :: self._step]

    def _at_sources(self, u: Plane, v: Plane, slot: Plane) -> Picture:
        """The contents that each pixel's paint was made for, on the decision grid."""
        half = self._step / 2
        scale_x, scale_y = self._w / self._width, self._h / self._height
        return self._raster.sample(
            self._contents,
            self._coarse(slot),
            (self._coarse(u) + half) * scale_x - 0.5,
            (self._coarse(v) + half) * scale_y - 0.5,
            sharp=False,
        )

    def _light(self, small: Picture, sources: Picture) -> Picture:
        """How much brighter each large region is now than when it was painted: a change of light."""
        lines = max(2, self._lh // 2), max(2, self._lw // 2)
        return self._raster.coarse(small, sources, *lines, sigma=lines[0] / 4)

    def _refinement(self, small: Picture, sources: Picture) -> tuple[Plane, Plane]:
        """The motion left between the frame and its paint's own contents: drift, taken out as it arises."""
        raster, settings = self._raster, self.settings
        if not settings.refine:
            zero = raster.full(self._h, self._w, 0.0)
            return zero, zero
        now = raster.view(small, self._h, self._w, self._refiner)
        then = raster.view(sources, self._h, self._w, self._refiner)
        rx, ry = raster.motion(self._refiner, now, then)
        sigma = settings.smooth * self._scale / self._step
        return raster.blurred(rx, sigma) * settings.refine, raster.blurred(ry, sigma) * settings.refine

    def _texture(self, small: Picture) -> Plane:
        """Mean absolute deviation of the luminance from its surroundings, 0 to 1."""
        raster = self._raster
        sigma = 4 * self._scale / self._step
        grey = raster.luminance(small)
        return raster.blurred(abs(grey - raster.blurred(grey, sigma)), sigma)

    def _is_outside(self, u: Plane, v: Plane) -> Plane:
        u, v = self._coarse(u), self._coarse(v)
        return (u < -0.5) | (u > self._width - 0.5) | (v < -0.5) | (v > self._height - 0.5)

    def _is_due(self, renew: float) -> Plane:
        """Patches whose turn it is, in a change of style or at a stability below 1."""
        turns = renew * 12  # a patch is painted anew a dozen times on the way from one style to another
        if self.stability < 1:
            turns += (1 - self.stability) / 2  # at 0.5 every fourth frame
        if turns == 0:
            return ~self._everything
        before, self._turned = self._turned, self._turned + turns
        start = self._raster.floor(self._phase + before)
        return self._raster.floor(self._phase + self._turned) > start

    def _on_light_grid(self, coarse: tuple[Plane, Plane]) -> tuple[Plane, Plane]:
        """Where each pixel of the tone was in the last frame."""
        raster = self._raster
        xs, ys = raster.grid(self._lh, self._lw)
        fx = raster.resized(coarse[0], self._lh, self._lw) * (self._lw / self._w)
        fy = raster.resized(coarse[1], self._lh, self._lw) * (self._lh / self._h)
        return raster.clip(xs + fx, 0, self._lw - 1), raster.clip(ys + fy, 0, self._lh - 1)

    def _is_equal(self, picture: Picture) -> bool:
        return self._raster.is_equal(picture, self._content)
