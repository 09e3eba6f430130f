"""Motion from each frame to the one before, estimated ahead of painting: it depends on the clip alone."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import numpy as np
import torch
from torch import Tensor

from vidstyle.flow.base import Array, FlowEstimator, load_flow
from vidstyle.frames import Frame
from vidstyle.temporal.backends.base import FlowInput
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.temporal.base import ClipFrame, FrameMotion
from vidstyle.temporal.cuts import Cuts
from vidstyle.temporal.paint_map.settings import flow_shape
from vidstyle.tensors import Samples


def motions(
    frames: Iterable[Frame],
    flow: FlowEstimator | None = None,
    flow_size: int | None = None,
    *,
    last: Frame | None = None,
    latest: tuple[Array, Array] | None = None,
    cuts: Cuts | None = None,
) -> Generator[ClipFrame, None, None]:
    """``frames`` with their motion, for a ``PaintMap`` on a CPU with the same ``flow`` and ``flow_size``.

    No motion crosses a boundary, so that a shot does not depend on what came before it. May run in a thread
    of its own, ahead of painting.

    Args:
        frames: of one clip, in order.
        flow: None: the default estimator of a CPU.
        flow_size: short side, px, at which motion is estimated.
        last: the frame before, where a stream goes on; None: a clip begins.
        latest: that of the motion of ``last``.
        cuts: classifies the frames, and has classified those so far; None: a clip begins.
    """
    cuts = Cuts() if cuts is None else cuts
    raster, estimator = CvRaster(), flow if flow is not None else load_flow("auto", "cpu")

    def as_input(frame: Frame) -> FlowInput:
        size = flow_shape(frame.pixels.shape[:2], flow_size)
        return raster.flow_input(frame.pixels, *size, estimator)

    before = None if last is None else as_input(last)
    for frame in frames:
        flow_input, boundary = as_input(frame), cuts.look(frame.pixels)
        latest = None if boundary.is_break else latest
        planes: tuple[Array, Array] | None = None
        # a frame equal to the last needs no motion: nothing will be planned
        is_same_size = last is not None and last.pixels.shape == frame.pixels.shape
        is_changed = last is not None and is_same_size and not np.array_equal(last.pixels, frame.pixels)
        if is_changed and before is not None and not boundary.is_break:
            latest = planes = raster.estimate_motion(estimator, flow_input, before, latest)
        yield ClipFrame(frame, FrameMotion(flow_input, planes, latest), boundary)
        last, before = frame, flow_input


def batched_motions(
    frames: Iterable[Frame],
    flow: FlowEstimator,
    flow_size: int | None,
    raster: TorchRaster,
    *,
    count: int,
    last: Frame | None = None,
    cuts: Cuts | None = None,
) -> Generator[ClipFrame, None, None]:
    """``frames`` on the device of ``raster``, with their motion, which is estimated of ``count`` at once.

    That keeps a GPU busy: the network of one pair is hundreds of small operations. Arguments as of
    ``motions``; ``flow`` must take tensors.
    """
    cuts = Cuts() if cuts is None else cuts

    def as_input(samples: Samples) -> Tensor:
        size = flow_shape(samples.shape[:2], flow_size)
        made = raster.flow_input(raster.from_samples(samples), *size, flow)
        assert isinstance(made, Tensor)
        return made

    before = None if last is None else as_input(raster.upload(last.pixels))
    for group in _groups(frames, count):
        boundaries = [cuts.look(frame.pixels) for frame in group]
        samples = [raster.upload(frame.pixels) for frame in group]
        inputs = [as_input(each) for each in samples]
        pairs = [
            (place, now, then)
            for place, (now, then) in enumerate(zip(inputs, [before, *inputs], strict=False))
            if then is not None and then.shape == now.shape and not boundaries[place].is_break
        ]
        planes: dict[int, tuple[Tensor, Tensor]] = {}
        if pairs:
            places, sources, targets = zip(*pairs, strict=True)
            motion = flow(torch.cat(sources), torch.cat(targets)).to(raster.device, torch.float32)
            planes = {place: (each[0], each[1]) for place, each in zip(places, motion, strict=True)}
        before = inputs[-1]
        for place, frame in enumerate(group):
            known = FrameMotion(inputs[place], planes.get(place))
            yield ClipFrame(frame, known, boundaries[place], samples=samples[place])


def _groups(frames: Iterable[Frame], count: int) -> Generator[list[Frame], None, None]:
    """``frames`` in groups of up to ``count``, of one size and depth each."""
    group: list[Frame] = []
    for frame in frames:
        is_other = bool(group) and (frame.pixels.shape, frame.bits) != (group[0].pixels.shape, group[0].bits)
        if len(group) == count or is_other:
            yield group
            group = []
        group.append(frame)
    if group:
        yield group
