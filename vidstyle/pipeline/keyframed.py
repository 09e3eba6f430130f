"""A clip painted by a keyframe engine: it is read once to choose keyframes, and again to paint them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager

from vidstyle.flow.base import FlowEstimator
from vidstyle.frames import Frame
from vidstyle.keyframes.clip_plan import ClipPlan
from vidstyle.keyframes.propagation import PaintKeyframe, propagated
from vidstyle.keyframes.selection import Renewal, choose_keyframes
from vidstyle.pipeline.prefetch import check_wanted
from vidstyle.temporal.base import SteadyFrame

log = logging.getLogger(__name__)


OpenFrames = Callable[[], AbstractContextManager[Iterable[Frame]]]
"""Opens the frames of a clip once more."""


def keyframed(
    frames: Iterable[Frame],
    reopen: OpenFrames,
    paint: PaintKeyframe,
    *,
    flow: FlowEstimator,
    renewal: Renewal,
    loss: float,
) -> Generator[SteadyFrame, None, None]:
    """``frames``, which ``reopen`` gives again: keyframes by ``paint``, others carried.

    ``flow`` estimates motion on the CPU; ``renewal`` and ``loss`` are those of ``choose_keyframes``.
    """
    plan = planned(reopen, flow=flow, renewal=renewal, loss=loss)
    log.info("keyframes: %d of %d frames", len(plan.keyframes), len(plan.shots))
    yield from propagated(frames, plan, paint=paint, flow=flow)


def planned(reopen: OpenFrames, *, flow: FlowEstimator, renewal: Renewal, loss: float) -> ClipPlan:
    """The shots and the keyframes of the frames that ``reopen`` gives."""
    with reopen() as frames:
        return choose_keyframes(_while_wanted(frames), flow=flow, renewal=renewal, loss=loss)


def _while_wanted(frames: Iterable[Frame]) -> Iterator[Frame]:
    for frame in frames:
        check_wanted()
        yield frame
