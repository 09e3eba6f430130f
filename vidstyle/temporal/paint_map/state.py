"""The paint map's state between frames, and its plan for one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from vidstyle.temporal.backends.base import FlowInput, Number, Picture, Plane, Raster
from vidstyle.temporal.paint_map import deformation
from vidstyle.temporal.paint_map.settings import MapLayout


@dataclass(slots=True, eq=False)
class State(Generic[Plane, Picture]):
    """Where the paint of one frame is sampled from.

    Planes are float32 and of the frame's size unless stated otherwise.
    """

    content: Picture
    small: Picture
    """The content on the decision grid."""
    flow_input: FlowInput
    motion: tuple[Plane, Plane] | None
    """To the frame before, x and y, px of ``flow_input``; None for a first frame."""
    u: Plane
    v: Plane
    """Source coordinates of a pixel's paint, px: x is ``u``, y is ``v``."""
    slot: Plane
    """Ring slot of its source, uint8."""
    jacobian: deformation.Jacobian[Plane]
    """How far the paint has been deformed, on the decision grid."""
    provisional: Plane
    """1 where paint was painted near a motion boundary: repainted while that is near; decision grid."""
    fit: Plane
    """Expected correlation of fresh paint's edges with the frame's, -1 to 1; decision grid."""
    is_new: Plane
    """Where the last result was repainted, bool; decision grid."""
    recent_motion: Plane
    """1 at moving objects, decaying to 0 once they have passed; decision grid."""
    repaint_rate: Plane
    """Exponential moving average of how often a place is repainted, 0 to 1; decision grid."""
    tone: Picture
    """Low-pass colour correction that is added to old paint, -1 to 1; of the tone's size."""
    tone_target: Picture
    """What ``tone`` moves towards: the low-pass difference of fresh and old paint; of the same form."""


@dataclass(slots=True, eq=False)
class Plan(Generic[Plane, Picture]):
    """The decisions for one frame. Planes are float32 and of the frame's size unless stated otherwise."""

    state: State[Plane, Picture]
    x: Plane
    y: Plane
    """Each pixel's coordinates in the last frame, px."""
    is_inside: Plane
    """Where (x, y) is inside of the frame, bool."""
    weight: Plane
    """Weight of old paint: 1 where it is kept, 0 where repainted, a ramp between; decision grid."""
    agreement: Plane
    """1 where the content equals what the old paint was made for, 0 where it differs; decision grid."""
    structure_agreement: Plane
    """1 where old paint has the edges expected of fresh paint, 0 where they are lost; decision grid."""
    brightening: Plane
    """How fast the lighting changes since the last frame, 0 to 1; of the tone's size."""
    relit: Plane
    """Whether the lighting has changed since the old paint was painted, 0 to 1; of the tone's size."""
    is_near_boundary: Plane
    """Where a motion boundary is near, bool; decision grid."""
    renewal: float
    """Change of style since the last frame, 0 to 1, by which the colours of old paint are outdated."""
    share: Number = 0.0
    """Share of the picture that is repainted, 0 to 1; that of ``Raster.decisions``."""


def first_state(
    raster: Raster[Plane, Picture],
    layout: MapLayout,
    content: Picture,
    flow_input: FlowInput,
    grid: tuple[Plane, Plane],
) -> State[Plane, Picture]:
    """The state of a shot's first frame, whose paint is its own. ``grid`` holds the frame's x and y."""
    zero = raster.full(*layout.decisions, 0.0)
    return State(
        content=content,
        small=raster.downsample(content, *layout.decisions),
        flow_input=flow_input,
        motion=None,
        u=grid[0] + 0,
        v=grid[1] + 0,
        slot=raster.zero_slots(*layout.frame),
        jacobian=deformation.identity(raster, *layout.decisions),
        provisional=zero + 0,
        fit=zero + 1,
        is_new=zero > 0,
        recent_motion=zero + 0,
        repaint_rate=zero + 0,
        tone=raster.zero_correction(*layout.tone),
        tone_target=raster.zero_correction(*layout.tone),
    )
