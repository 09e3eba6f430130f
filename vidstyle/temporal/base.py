"""The protocol of a temporal method, and the records that it exchanges with the loop and the painter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.flow.base import Array
from vidstyle.frames import Frame, Pixels
from vidstyle.named_tensors import Tensors
from vidstyle.temporal.backends.base import FlowInput, Number
from vidstyle.tensors import Samples

Planes = tuple[Array, Array] | tuple[Tensor, Tensor]
"""x and y of motion, (h, w) float32; tensors if a device has estimated it."""

Mask = NDArray[np.bool_] | Tensor
"""(H, W) bool, where the samples that it belongs to are."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Whether a shot boundary lies before a frame."""

    is_cut: bool
    """A new shot begins here."""
    is_return: bool = False
    """The shot before the last cut, or before the blank frames, continues here: there was a flash."""
    is_blank: bool = False
    """The picture is saturated or black, suddenly; the first frame after it says whether a shot begins."""

    is_flash_possible: bool = False
    """The last cut is so few frames ago that it may have been a flash."""

    @property
    def is_break(self) -> bool:
        """Whether motion from the last frame to this one is meaningless."""
        return self.is_cut or self.is_return or self.is_blank


@dataclass(frozen=True, slots=True, eq=False)
class FrameMotion:
    """A frame's input to the flow estimator, and its motion to the last frame."""

    flow_input: FlowInput
    planes: Planes | None
    """x and y, (h, w) float32, px of ``flow_input``; None for a first frame, for one equal to the last, and
    where motion from the last frame is meaningless."""
    latest: tuple[Array, Array] | None = None
    """The last motion that was estimated in the shot: this one or an earlier one; where the next search
    starts."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipFrame:
    """A frame of a clip, with what was computed of it ahead of painting."""

    frame: Frame
    motion: FrameMotion | None = None
    """To the frame before; None: the method estimates it."""
    boundary: Boundary | None = None
    """Between the frame before and this one; None: the loop classifies it."""
    renewal: float = 0.0
    """Change of style since the frame before, as a share (0 to 1) of a whole transition."""
    samples: Samples | None = None
    """The frame's pixels where they are painted; None: they have not been brought there."""

    @property
    def content(self) -> Samples:
        """The frame's pixels for all that paint and steady it: on the device if they have been uploaded."""
        return self.frame.pixels if self.samples is None else self.samples


@dataclass(frozen=True, slots=True, eq=False)
class RepaintMask:
    """Where a frame must be painted."""

    mask: NDArray[np.bool_]
    """(h, w), at the frame's size or coarser; true where fresh paint is needed. If the frame is painted
    whole, ``settle`` may use fresh paint elsewhere, too."""
    share: float
    """Share of the picture that is repainted, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class PaintedFrame:
    """The painting of a frame, whole or in part."""

    pixels: Samples
    """(H, W, 3), size and depth of the frame."""
    valid: Mask | None = None
    """(H, W) bool, true where there is paint; None: everywhere."""


Paint = Callable[[ClipFrame, bool, RepaintMask | None], PaintedFrame]
"""Paints a frame: (frame, whether a shot begins, repaint mask or None: everywhere) -> its painting."""


class Method(Protocol):
    """Makes the painted frames of one shot temporally consistent; ``TEMPORAL`` names what makes one a shot.

    It is made with a flow estimator (or None) and the keywords ``flow_size``, ``stability``, ``raster`` and
    ``side`` (an executor of one thread for work beside painting, or None), like ``PaintMap``.

    If the class has ``takes_motion = True``, motion is estimated ahead and passed to ``plan``; otherwise the
    method estimates its own.
    """

    @property
    def repainted(self) -> Number:
        """Share of the last result that is fresh paint, 0 to 1."""

    def plan(self, content: Pixels, *, renew: float = 0.0, motion: FrameMotion | None = None) -> RepaintMask:
        """The repaint mask of a frame ``content`` (H, W, 3); ``renew`` and ``motion`` as in ``ClipFrame``."""

    def settle(self, painted: Pixels, valid: NDArray[np.bool_] | None = None) -> Pixels:
        """The result (H, W, 3) for the planned frame; arguments are the fields of ``PaintedFrame``."""


@runtime_checkable
class ResidentMethod(Protocol):
    """A ``Method`` that takes frames and paintings on a device, too, and leaves its results there."""

    takes_tensors: ClassVar[bool]
    """Says so, by being there."""

    def plan(
        self, content: Pixels | Tensor, *, renew: float = 0.0, motion: FrameMotion | None = None
    ) -> RepaintMask: ...

    def settle(
        self, painted: Pixels | Tensor, valid: NDArray[np.bool_] | Tensor | None = None
    ) -> Pixels | Tensor: ...


@runtime_checkable
class SavableMethod(Protocol):
    """A ``Method`` whose state after ``settle`` can be kept, so that a later run goes on with the shot."""

    def tensors(self) -> dict[str, Tensor]:
        """All that it remembers, by name: copies on the CPU."""

    def restore(self, tensors: Tensors) -> None:
        """Go on, as one made anew with the same arguments, from what ``tensors`` gave.

        Raises ``KeyError`` if something is missing.
        """


@dataclass(frozen=True, slots=True, eq=False)
class SteadyFrame:
    """A painted frame after the temporal method, before compositing."""

    content: Frame
    """The clip's frame."""
    pixels: Pixels
    """(H, W, 3): the painting, of the content's depth."""
    is_cut: bool
    """Whether a new shot begins here; true for the first frame."""
    repainted: float
    """Share of the picture that is fresh paint, 0 to 1."""
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Wall time of plan (motion and decisions), paint and settle."""


@dataclass(frozen=True, slots=True, eq=False)
class StylizedFrame:
    """A frame of the result, composited."""

    frame: Frame
    is_cut: bool
    """Whether a new shot begins here; true for the first frame."""
    repainted: float
    """Share of the picture that is fresh paint, 0 to 1."""
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Wall time of plan (motion and decisions), paint, and settle with compositing."""
