"""The paint map's limits and rates, and the sizes that follow from a frame's."""

from __future__ import annotations

import math
from dataclasses import dataclass

FLOW_SIZE = 432  # px: short side at which motion is estimated, never above the frame's own

_LINES = 360  # px, short side: lengths in MapSettings are in px of such frames
_DECISIONS = 180  # px, short side of the decision grid, about
_TONE = 4  # px of the decision grid to one px of the tone
_MATCH = 2  # px of the decision grid to one px of the colours that are matched
_LIGHT = 8  # px of the decision grid to one px of the lighting
_RING_BYTES = 400e6  # limit of the kept results' memory
_RING_LINES = 32_000  # px: cv2.remap refuses pictures of 32768 lines or columns
_FINE_LINES = (
    1080  # px, short side: larger frames are painted smaller and upsampled, so lack detail of a pixel
)


@dataclass(frozen=True, slots=True)
class MapSettings:
    """Limits and rates of the paint map. Lengths are in px at 360 lines and scale with the short side."""

    slots: int = 24
    """Most past results that paint may be sampled from; fewer for large frames."""
    content: float = 0.05
    """Repaint where the content differs by more (of the range) from what the paint was made for."""
    texture: float = 1.0
    """What is added to ``content`` for each unit of local contrast."""
    structure: float = 0.04
    """Repaint a moving object where the correlation of its old paint's edges with the frame's is this much
    below that of fresh paint."""
    structure_ground: float = 0.045
    """The same for the ground, which is all that stands still or moves with the camera: motion is reliable
    there, and every repaint is visible."""
    structure_loose: float = 20.0
    """``structure`` and ``structure_ground`` grow by up to this factor where fresh paint itself does not
    correlate with the frame."""
    structure_changed: float = 4.0
    """On the ground the loss of correlation counts up to this multiple of that of the content's own
    edges since the paint was painted: the rest is noise."""
    window: float = 5.0
    """Gaussian, px, in which edges are correlated."""
    ghost: float = 0.2
    """Repaint, without colour matching, where something moved recently and low-pass colours of old and fresh
    paint differ by more (of the range); checked when a frame is painted whole."""
    missed: float = 0.08
    """Motion is wrong where this frame and the last one, warped, differ by more (of the range): paint there
    is replaced without a fade, and is provisional."""
    missed_texture: float = 1.25
    """What is added to ``missed`` for each unit of local contrast."""
    drift: float = 3.0
    """Repaint where the correction of drift in one frame is larger than this, px."""
    stretch: float = 1.35
    """Repaint where strokes have been lengthened, shortened or sheared by more than this factor."""
    patchwork: float = 0.5
    """Repaint where more than this share of neighbouring pixels have different sources: the seams between
    narrow strips would dominate."""
    lost_texture: float = 0.74
    """Repaint where old paint has less than this share of the fresh painting's texture; checked when a frame
    is painted whole."""
    gained_texture: float = 0.65
    """Repaint where the fresh painting has less than this share of the old paint's texture; checked when a
    frame is painted whole. Without it ``lost_texture`` would let texture only ever grow."""
    tear: float = 1.75
    """Repaint, without a fade, where one frame's motion lengthens strokes by more than this factor: a
    disocclusion."""
    refine: float = 0.15
    """Share of the drift that is corrected in each frame; 0 does not estimate it."""
    smooth: float = 4.0
    """Gaussian, px, over the drift."""
    seam: float = 1.5
    """Gaussian, px, of the border between old paint and new."""
    fade: float = 0.88
    """Share of the difference from new to old paint that is left after each frame; 0 switches at once."""
    fade_structure: float = 0.9
    """Loss of correlation from which strokes do not fade; below, they fade proportionally less."""
    fade_unrest: float = 2.0
    """Strokes fade less by this times the rate of repainting, beyond that of a single repaint."""
    fade_coarse: float = 6.0
    """Gaussian, px, that separates colour from strokes; colour fades wherever the content agrees."""
    fade_content: float = 0.15
    """Content difference (of the range) from which fades are shortened, to none at twice this: ghosts."""
    match: float = 0.7
    """Share of the low-pass colours of old paint that new strokes in its place start with."""
    tone: float = 0.06
    """Share per frame of the low-pass colour difference to fresh paint that old paint is corrected by, where
    the lighting has changed since it was painted."""


DEFAULTS = MapSettings()


@dataclass(frozen=True, slots=True)
class MapLayout:
    """Sizes (height, width) and scales of a map's grids, for frames of one size."""

    frame: tuple[int, int]
    decisions: tuple[int, int]
    tone: tuple[int, int]
    match: tuple[int, int]
    light: tuple[int, int]
    flow: tuple[int, int]
    step: int
    """Pixels of the frame to one of the decision grid, along each axis."""
    scale: float
    """Pixels of the decision grid to one at 360 lines."""
    slots: int
    """Slots of the ring of past results, at least 2."""
    upsampling: int
    """Factor by which kept results are upsampled: 1 or 2."""

    @classmethod
    def of(cls, frame: tuple[int, int], sample_bytes: int, flow_size: int | None, slots: int) -> MapLayout:
        """The layout for frames of this (height, width), 1 or 2 bytes a sample, at most ``slots``."""
        height, width = frame
        short = min(frame)
        step = max(1, int(2 ** round(math.log2(max(short / _DECISIONS, 1)))))
        decisions = -(-height // step), -(-width // step)
        is_doubled = short <= _FINE_LINES and 2 * width <= _RING_LINES and 2 * (2 * height + 8) <= _RING_LINES
        upsampling = 2 if is_doubled else 1
        frame_bytes = upsampling * height * upsampling * width * 3 * sample_bytes
        fitting = int(min(_RING_BYTES // frame_bytes, _RING_LINES // (upsampling * height + 8)))
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
            upsampling=upsampling,
        )


def flow_shape(frame: tuple[int, ...], flow_size: int | None) -> tuple[int, int]:
    """Height and width at which motion of frames of this (height, width) is estimated.

    ``flow_size`` is the short side, px; None: ``FLOW_SIZE``. Never above the frame's own.
    """
    ratio = min(flow_size or FLOW_SIZE, *frame) / min(frame)
    return max(1, round(frame[0] * ratio)), max(1, round(frame[1] * ratio))
