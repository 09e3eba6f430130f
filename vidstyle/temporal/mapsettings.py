"""The paint map's limits and rates, and the sizes that follow from a frame's."""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOW_SIZE = 432  # px: short side at which motion is estimated, never above the frame's own

_LINES = 360  # short side, px, for which the lengths in MapSettings are given
_DECISIONS = 180  # px: decisions are taken at about this short side, whatever the frame's
_TONE = 4  # px of decisions to one px of tone
_MATCH = 2  # px of decisions to one px of the colours that new strokes take over
_LIGHT = 8  # px of decisions to one px of light
_RING_BYTES = 400e6  # results that are kept take at most this much
_RING_LINES = 32_000  # OpenCV refuses to sample taller or wider pictures
_FINE_LINES = 1080  # px: larger frames are painted smaller and enlarged, and have no detail of one pixel


@dataclass(frozen=True, slots=True)
class MapSettings:
    """When paint is kept. Lengths are in px at 360 lines and grow with the short side."""

    slots: int = 24
    """Past results that paint may lie in; fewer for large frames."""
    content: float = 0.05
    """Repaint where the content differs by more (of the range) from what the paint was made for."""
    texture: float = 1.0
    """How much more it may differ for each unit of local contrast."""
    structure: float = 0.04
    """Repaint a moving thing where the edges of its old paint correlate with the frame's by so much less than
    those of fresh paint do."""
    structure_ground: float = 0.045
    """The same on the ground, where motion is sure and every repainting is seen."""
    structure_loose: float = 20.0
    """How many times more either may be lost where fresh paint itself has none of the frame's structure."""
    structure_changed: float = 4.0
    """On the ground no more is lost than so many times what the content's own edges have lost since the paint
    was laid: the rest is chance."""
    window: float = 5.0
    """Gaussian, px, in which edges are correlated."""
    ghost: float = 0.2
    """Repaint, in its own colours, where something moved of late and the coarse colours of old paint differ
    from fresh paint's by more (of the range); looked at when a frame was painted whole."""
    missed: float = 0.08
    """Motion does not explain a place where this frame and the last one, warped, differ by more (of the
    range): strokes are replaced there without a fade, and again until what moved has moved on."""
    missed_texture: float = 1.25
    """How much more they may differ for each unit of local contrast."""
    drift: float = 3.0
    """Repaint where the refinement wants to move paint farther than this, px."""
    stretch: float = 1.35
    """Repaint where strokes have become this many times longer, shorter or sheared."""
    patchwork: float = 0.5
    """Repaint where more than this share of neighbours lie in different sources: what is left of strokes
    there are slivers, and their seams are all that is seen."""
    worn: float = 0.74
    """Repaint where less than this share of the fresh painting's texture is left; looked at when a frame was
    painted whole."""
    crisp: float = 0.65
    """Repaint where the fresh painting has less than this share of the old paint's texture: strokes shrink in
    a zoom out, and what is only ever replaced by something finer becomes finer than any painting."""
    tear: float = 1.75
    """Repaint, without a fade, where motion lengthens strokes this much in one frame: what was hidden is
    uncovered there."""
    refine: float = 0.15
    """Share that is followed of the motion still found between a frame and its paint's own contents."""
    smooth: float = 4.0
    """Gaussian, px, over that motion."""
    seam: float = 1.5
    """Gaussian, px, of the border between old paint and new."""
    fade: float = 0.88
    """What is left, a frame later, of the step from old paint to new; 0 switches at once."""
    fade_structure: float = 0.9
    """No fade of strokes whose structure has been lost by this much; in between less."""
    fade_moving: float = 0.6
    """Share of the fade that is left on moving things: there it turns to haze."""
    fade_coarse: float = 6.0
    """Gaussian, px: what is coarser is colour, and fades wherever the content agrees."""
    fade_content: float = 0.15
    """No fade where the content differs by more: it would be a ghost."""
    match: float = 0.7
    """Share of the coarse colours of old paint that the new strokes in its place begin with."""
    tone: float = 0.06
    """Share of the coarse colour difference to fresh paint that old paint takes on in each frame, where the
    light has changed since it was laid. Elsewhere old strokes keep their colours: others make them grey."""


DEFAULTS = MapSettings()


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes (height, width) of all that a map of frames of one size works with, and its lengths in px."""

    frame: tuple[int, int]
    decisions: tuple[int, int]
    tone: tuple[int, int]
    match: tuple[int, int]
    light: tuple[int, int]
    flow: tuple[int, int]
    step: int
    """Pixels of the frame to one of the decisions."""
    scale: float
    """Pixels of the decisions to one at 360 lines."""
    slots: int
    """Past results that fit."""
    fine: int
    """Pixels in which a result is kept for one of the frame's, along each side."""

    @classmethod
    def of(cls, frame: tuple[int, int], sample_bytes: int, flow_size: int | None, slots: int) -> Layout:
        """For frames of this (height, width), of 1 or 2 bytes a sample."""
        height, width = frame
        short = min(frame)
        step = max(1, int(2 ** round(math.log2(max(short / _DECISIONS, 1)))))
        decisions = -(-height // step), -(-width // step)
        is_doubled = short <= _FINE_LINES and 2 * width <= _RING_LINES and 2 * (2 * height + 8) <= _RING_LINES
        fine = 2 if is_doubled else 1
        frame_bytes = fine * height * fine * width * 3 * sample_bytes
        fitting = int(min(_RING_BYTES // frame_bytes, _RING_LINES // (fine * height + 8)))
        return cls(
            frame=frame,
            decisions=decisions,
            tone=(max(2, decisions[0] // _TONE), max(2, decisions[1] // _TONE)),
            match=(max(2, decisions[0] // _MATCH), max(2, decisions[1] // _MATCH)),
            light=(max(2, decisions[0] // _LIGHT), max(2, decisions[1] // _LIGHT)),
            flow=flow_shape(frame, flow_size),
            step=step,
            scale=short / _LINES / step,
            slots=max(2, min(slots, fitting)),
            fine=fine,
        )


def flow_shape(frame: tuple[int, ...], flow_size: int | None) -> tuple[int, int]:
    """Height and width at which motion of frames of this (height, width) is estimated."""
    ratio = min(flow_size or FLOW_SIZE, *frame) / min(frame)
    return max(1, round(frame[0] * ratio)), max(1, round(frame[1] * ratio))
