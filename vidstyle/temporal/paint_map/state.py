"""What the paint map remembers between frames, and what it has decided about one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from vidstyle.temporal.backends.base import Picture, Plane, Raster, View
from vidstyle.temporal.paint_map import deformation
from vidstyle.temporal.paint_map.settings import Layout


@dataclass(slots=True, eq=False)
class State(Generic[Plane, Picture]):
    """Where the paint of one frame lies. Planes are the frame's size unless said otherwise."""

    content: Picture
    small: Picture
    """The content on the decision grid."""
    view: View
    motion: tuple[Plane, Plane] | None
    """To the frame before, px of the view."""
    u: Plane
    v: Plane
    """Where in its source a pixel's paint lies, px."""
    slot: Plane
    """In which source, uint8."""
    jacobian: deformation.Jacobian[Plane]
    """How far the paint is deformed, on the decision grid."""
    wake: Plane
    """1 where paint was laid beside something that moved, decision grid."""
    fit: Plane
    """Correlation of fresh paint's edges with the frame's, as far as it is known; decision grid."""
    fresh: Plane
    """Where the last result shows fresh paint, bool; decision grid."""
    trace: Plane
    """Where something moves, 1, or moved of late, towards 0; decision grid."""
    unrest: Plane
    """How often a place was painted anew of late, 0 to 1; decision grid."""
    tone: Picture
    """What is added to old paint to bring it nearer to the colours of fresh paint, coarse."""
    goal: Picture
    """What the tone moves towards."""


@dataclass(slots=True, eq=False)
class Plan(Generic[Plane, Picture]):
    """What has been decided about a frame."""

    state: State[Plane, Picture]
    x: Plane
    y: Plane
    """Where each pixel was in the last frame."""
    is_inside: Plane
    weight: Plane
    """1 where old paint is kept, 0 where fresh paint is wanted, between along the seams; decision grid."""
    agree: Plane
    """1 where the content is what the old paint was made for, 0 where it is not; decision grid."""
    holds: Plane
    """1 where old paint has the structure that fresh paint would have, 0 where it has none of it."""
    brightening: Plane
    """By how much large regions became brighter or darker since the last frame, 0 to 1; the tone's size."""
    relit: Plane
    """Where their light has changed since the old paint was laid, 0 to 1; the tone's size."""
    is_beside: Plane
    """Where something moves along its surroundings, and near there; decision grid."""
    share: float
    """Of the picture that is painted anew, 0 to 1."""
    renewal: float
    """How much of the style's colours are new since the last frame, 0 to 1: old ones hold that much less."""


def first_state(
    raster: Raster[Plane, Picture],
    layout: Layout,
    content: Picture,
    view: View,
    grid: tuple[Plane, Plane],
) -> State[Plane, Picture]:
    """The state of a shot's first frame: all paint lies where it is shown. ``grid`` is the frame's."""
    zero = raster.full(*layout.decisions, 0.0)
    return State(
        content=content,
        small=raster.shrunk(content, *layout.decisions),
        view=view,
        motion=None,
        u=grid[0] + 0,
        v=grid[1] + 0,
        slot=raster.slots(*layout.frame),
        jacobian=deformation.none(raster, *layout.decisions),
        wake=zero + 0,
        fit=zero + 1,
        fresh=zero > 0,
        trace=zero + 0,
        unrest=zero + 0,
        tone=raster.correction(*layout.tone),
        goal=raster.correction(*layout.tone),
    )
