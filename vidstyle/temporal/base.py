"""What a temporal method is, and what passes between it, the loop and whoever paints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vidstyle.flow.base import Array
from vidstyle.frames import Frame, Pixels
from vidstyle.temporal.backends.base import View


@dataclass(frozen=True, slots=True, eq=False)
class FrameMotion:
    """A frame as the flow estimator looks at it, and where its pixels were in the last frame."""

    view: View
    planes: tuple[Array, Array] | None
    """x and y, (h, w) float32 in px of the view; None for a first frame."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipFrame:
    """A frame of a clip, and what is known of it before it is painted."""

    frame: Frame
    motion: FrameMotion | None = None
    """To the frame before, if it has been estimated already."""
    renewal: float = 0.0
    """Share (0 to 1) of the way from one style to the next that is gone since the frame before."""


@dataclass(frozen=True, slots=True, eq=False)
class RepaintMask:
    """Where a frame wants fresh paint."""

    mask: NDArray[np.bool_]
    """(h, w) on the map's coarser grid; true where fresh paint will be shown. If the frame is painted whole,
    fresh paint may be shown elsewhere too, where the old is worn."""
    share: float
    """Share of the picture, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class PaintedFrame:
    """What was painted of a frame."""

    pixels: Pixels
    """(H, W, 3), size and depth of the frame."""
    valid: NDArray[np.bool_] | None = None
    """(H, W), true where there is paint; None: everywhere."""


Paint = Callable[[Frame, bool, RepaintMask | None], PaintedFrame]
"""Paints a frame: (frame, whether a shot begins, where paint is needed; None: everywhere) -> paint."""

Finish = Callable[[Frame, Pixels], Pixels]
"""What is shown of a steady painting: (the clip's frame, painting) -> pixels."""


class Method(Protocol):
    """Makes the painted frames of one shot agree; what ``TEMPORAL`` names makes one for each shot.

    It is made of a flow estimator or None and the keywords ``flow_size``, ``stability``, ``raster`` and
    ``side`` (a thread for work beside the loop, or None), as ``PaintMap`` is.

    A class with ``takes_motion = True`` uses the ``motion`` that ``plan`` may be given, which is then
    estimated ahead of it; without, it estimates its own.
    """

    repainted: float
    """Share of the last result, 0 to 1, that shows fresh paint."""

    def plan(self, content: Pixels, *, renew: float = 0.0, motion: FrameMotion | None = None) -> RepaintMask:
        """Where a frame wants fresh paint."""

    def settle(self, painted: Pixels, valid: NDArray[np.bool_] | None = None) -> Pixels:
        """The result for the planned frame; ``valid`` tells where there is paint, None: everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class SteadyFrame:
    """A painted frame that agrees with those before it."""

    content: Frame
    """The clip's."""
    pixels: Pixels
    """(H, W, 3): the painting, of the content's depth."""
    is_cut: bool
    """A new shot begins here; true for the first frame."""
    repainted: float
    """Share of the picture, 0 to 1, that shows fresh paint."""
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """What motion and decisions, painting, and making it agree took."""


@dataclass(frozen=True, slots=True, eq=False)
class StylizedFrame:
    """A finished frame, as it is shown, and how it came about."""

    frame: Frame
    is_cut: bool
    """A new shot begins here; true for the first frame."""
    repainted: float
    """Share of the picture, 0 to 1, that shows fresh paint."""
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """What motion and decisions, painting, and making it agree and compositing took."""
