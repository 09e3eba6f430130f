"""What crosses between the CPU and a device while a clip is painted there, on a stand-in for a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any, cast

import numpy as np
import pytest
import torch
from device_stand_in import DEVICE, Crossings, Device
from scenes import ground, shot, view
from torch import Tensor

from vidstyle.flow.raft import RaftSmall
from vidstyle.frames import Frame, Pixels
from vidstyle.options import SteadyOptions
from vidstyle.pipeline.clip_stream import ClipStream
from vidstyle.registry import ENGINES
from vidstyle.rendering.renderer import Renderer
from vidstyle.styles.pictures import load
from vidstyle.temporal.backends.torch_raster import TorchRaster

HEIGHT, WIDTH = 64, 96
COUNT = 6
PICTURE = (HEIGHT, WIDTH, 3), torch.uint8


class One:
    """A style that does not change."""

    is_moving = False

    def __init__(self, style: Any) -> None:
        self._style = style

    def at(self, time: Fraction) -> Any:
        return self._style


def pan(count: int) -> list[Frame]:
    """A disc over ground that moves; some frames are painted in parts, some whole."""
    picture = ground(2 * HEIGHT, 2 * WIDTH, 1)
    views = [view(picture, 100 + 0.6 * index, 72, 1, HEIGHT, WIDTH) for index in range(count)]
    return [Frame(shot(each, noise=1, seed=i), Fraction(i, 25)) for i, each in enumerate(views)]


def painted(
    frames: list[Frame], device: torch.device | str, engine: str, *, ahead: bool = False, **steady: Any
) -> Iterator[Pixels]:
    """The results of ``frames`` painted on ``device``, composited as by default."""
    network: Any = ENGINES.load(engine)()
    renderer: Any = Renderer(network, device=device)
    style = renderer.encode(load("waves"))
    flow = RaftSmall(updates=1, device=device)
    options = SteadyOptions(flow="raft-small", **steady)
    stream: Any = ClipStream(renderer, cast(Any, One(style)), 1.0, options, flow, detail=0.5)
    for result in stream.painted(frames, None, may_run_ahead=ahead):
        yield result.frame.pixels


@cache
def run(engine: str, **steady: Any) -> tuple[tuple[Crossings, Pixels], ...]:
    """What crosses for each of the frames, and its result."""
    with Device() as device:
        results = painted(pan(COUNT), DEVICE, engine, **steady)
        return tuple((device.taken(), each) for each in results)


def crossings(engine: str, **steady: Any) -> list[Crossings]:
    """Those of all frames but two: the second brings matrices that all others use."""
    return [told for told, _ in run(engine, **steady)[2:]]


def test_a_frame_is_uploaded_once() -> None:
    for frame in crossings("stylenet"):
        assert frame.uploads == [PICTURE]


def test_a_result_is_downloaded_once_and_decisions_are_too() -> None:
    for frame in crossings("stylenet"):
        decisions, result, *share = frame.downloads
        assert decisions == ((1 + 2 * HEIGHT * WIDTH,), torch.bool)
        assert result == PICTURE and share in ([], [((), torch.float32)])


def test_the_device_is_waited_for_by_nothing_else() -> None:
    assert [frame.waits for frame in crossings("stylenet")] == [[]] * (COUNT - 2)


def test_engines_that_whiten_wait_for_eigenvalues_only() -> None:
    for frame in crossings("wct-slim"):
        assert frame.uploads == [PICTURE]
        assert set(frame.waits) <= {"_linalg_eigh"} and len(frame.waits) <= 4  # one a level


def test_without_a_temporal_method_nothing_is_decided() -> None:
    for frame in crossings("stylenet", temporal="none"):
        assert frame == Crossings([PICTURE], [PICTURE], [])


def test_a_method_of_the_cpu_gets_each_painting_and_its_result_is_finished_on_the_device() -> None:
    for frame in crossings("stylenet", temporal="blend"):
        assert (frame.uploads.count(PICTURE), frame.downloads.count(PICTURE)) == (2, 2)


def test_what_is_painted_on_a_device_equals_what_the_cpu_paints(monkeypatch: pytest.MonkeyPatch) -> None:
    results = [result for _, result in run("stylenet")]
    monkeypatch.setattr("vidstyle.pipeline.clip_stream.raster_of", TorchRaster)
    for one, other in zip(results, painted(pan(COUNT), "cpu", "stylenet"), strict=True):
        assert np.array_equal(one, other)


def test_running_ahead_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstyle.pipeline.clip_stream.raster_of", TorchRaster)
    frames = pan(COUNT)
    ahead = list(painted(frames, "cpu", "stylenet", ahead=True))
    assert len(ahead) == COUNT
    for one, other in zip(ahead, painted(frames, "cpu", "stylenet"), strict=True):
        # motion of several pairs at once is rounded otherwise, which moves strokes by thousandths of a px
        assert np.abs(one.astype(float) - other).mean() < 0.05


@pytest.mark.parametrize(
    "wait",
    [lambda plane: float(plane.sum()), lambda plane: plane.cpu(), lambda plane: bool((plane > 0).any())],
    ids=["number", "copy", "decision"],
)
def test_one_more_look_at_the_device_would_be_noticed(wait: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Looking(TorchRaster):
        def texture(self, picture: Tensor, height: int, width: int) -> Tensor:
            plane = super().texture(picture, height, width)
            wait(plane)
            return plane

    monkeypatch.setattr("vidstyle.pipeline.clip_stream.raster_of", Looking)
    with Device() as device:
        told = [device.taken() for _ in painted(pan(3), DEVICE, "stylenet")]
    assert len(told[2].waits) + len(told[2].downloads) > 3
