"""Motion that is estimated ahead on a device, of several pairs of frames at once."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from device_stand_in import DEVICE, Device
from scenes import ground, shot, view
from torch import Tensor

from vidstyle.flow.raft import RaftSmall
from vidstyle.frames import Frame, Pixels
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.temporal.base import ClipFrame
from vidstyle.temporal.cuts import Cuts
from vidstyle.temporal.lookahead import batched_motions

HEIGHT, WIDTH = 64, 96
CUT = 3


def clip() -> list[Frame]:
    """Seven frames of two shots."""
    pictures = [ground(2 * HEIGHT, 2 * WIDTH, seed) for seed in (1, 9)]
    views = [view(pictures[index >= CUT], 90 + 1.5 * index, 64, 1, HEIGHT, WIDTH) for index in range(7)]
    return [Frame(shot(each, noise=1, seed=i), Fraction(i, 25)) for i, each in enumerate(views)]


def ahead(frames: list[Frame], count: int, before: Sequence[Frame] = ()) -> list[ClipFrame]:
    """``frames`` with their motion, where the stream had come to the end of ``before``."""
    flow, raster, cuts = RaftSmall(updates=3), TorchRaster("cpu"), Cuts()
    for frame in before:
        cuts.look(frame.pixels)
    last = before[-1] if before else None
    return list(batched_motions(frames, flow, None, raster, count=count, last=last, cuts=cuts))


def planes(known: ClipFrame) -> list[Tensor] | None:
    assert known.motion is not None
    if known.motion.planes is None:
        return None
    return [each for each in known.motion.planes if isinstance(each, Tensor)]


@pytest.mark.parametrize("count", [3, 4, 9])
def test_motion_of_several_pairs_at_once_is_that_of_each(count: int) -> None:
    flow, raster, frames = RaftSmall(updates=3), TorchRaster("cpu"), clip()
    inputs = [raster.flow_input(raster.from_samples(each.pixels), HEIGHT, WIDTH, flow) for each in frames]
    for index, known in enumerate(ahead(frames, count)):
        found = planes(known)
        if index in (0, CUT):
            assert found is None
            continue
        assert found is not None and len(found) == 2
        for one, other in zip(
            found, raster.estimate_motion(flow, inputs[index], inputs[index - 1]), strict=True
        ):
            assert float((one - other).abs().max()) < 1e-3  # px


def test_frames_come_in_order_with_their_boundaries_and_samples() -> None:
    frames = clip()
    known = ahead(frames, 4)
    assert [each.frame for each in known] == frames
    cuts = [index for index, each in enumerate(known) if each.boundary is not None and each.boundary.is_cut]
    assert cuts == [0, CUT]
    assert all(np.array_equal(each.content, each.frame.pixels) for each in known)


def test_a_stream_that_goes_on_knows_the_motion_of_its_first_frame() -> None:
    frames = clip()[:CUT]
    expected, found = planes(ahead(frames, 4)[2]), planes(ahead(frames[2:], 4, before=frames[:2])[0])
    assert expected is not None and found is not None
    for one, other in zip(expected, found, strict=True):
        assert float((one - other).abs().max()) < 1e-3  # px


def test_frames_of_another_size_begin_a_group_of_their_own() -> None:
    frames = clip()[:2]
    small: list[Pixels] = [frame.pixels[:48, :64].copy() for frame in frames]
    known = ahead([*frames, *(Frame(each, Fraction(2 + i, 25)) for i, each in enumerate(small))], 4)
    found = [planes(each) for each in known]
    assert [each is None for each in found] == [True, False, True, False]
    assert found[3] is not None and found[3][0].shape == (48, 64)


def test_each_frame_is_uploaded_once_and_nothing_is_waited_for() -> None:
    frames = clip()
    with Device() as device:
        raster, flow = TorchRaster(DEVICE), RaftSmall(updates=1, device=DEVICE)
        device.taken()
        known = list(batched_motions(frames, flow, None, raster, count=4))
        told = device.taken()
    assert len(known) == len(frames)
    assert [shape for shape, _ in told.uploads] == [(HEIGHT, WIDTH, 3)] * len(frames)
    assert not told.downloads and not told.waits
