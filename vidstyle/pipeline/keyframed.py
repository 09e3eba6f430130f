"""A clip painted by a keyframe engine: it is read once to choose keyframes, and again to paint them."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from vidstyle.flow.base import FlowEstimator
from vidstyle.frames import Frame
from vidstyle.keyframes.clip_plan import ClipPlan
from vidstyle.keyframes.propagation import PaintKeyframe, propagated
from vidstyle.keyframes.selection import Renewal, choose_keyframes
from vidstyle.options import ReadOptions
from vidstyle.pipeline.prefetch import check_wanted
from vidstyle.temporal.base import SteadyFrame
from vidstyle.video.reading.reader import Reader

log = logging.getLogger(__name__)


def keyframed(
    frames: Iterable[Frame],
    source: str | Path,
    read: ReadOptions,
    paint: PaintKeyframe,
    *,
    flow: FlowEstimator,
    renewal: Renewal,
    loss: float,
) -> Generator[SteadyFrame, None, None]:
    """``frames``, those of ``source`` read as ``read`` says: keyframes by ``paint``, others carried.

    ``flow`` estimates motion on the CPU; ``renewal`` and ``loss`` are those of ``choose_keyframes``.
    """
    plan = planned(source, read, flow=flow, renewal=renewal, loss=loss)
    log.info("keyframes: %d of %d frames", len(plan.keyframes), len(plan.shots))
    yield from propagated(frames, plan, paint=paint, flow=flow)


def planned(
    source: str | Path, read: ReadOptions, *, flow: FlowEstimator, renewal: Renewal, loss: float
) -> ClipPlan:
    """The shots and the keyframes of ``source``."""
    with Reader(source, read) as reader:
        return choose_keyframes(_while_wanted(reader), flow=flow, renewal=renewal, loss=loss)


def _while_wanted(frames: Iterable[Frame]) -> Iterator[Frame]:
    for frame in frames:
        check_wanted()
        yield frame
