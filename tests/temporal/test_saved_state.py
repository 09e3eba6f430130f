"""What temporal methods, rings and cut detection remember, kept as tensors and restored."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from scenes import flickering, ground, shot, view
from torch import Tensor

from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator
from vidstyle.flow.dis import DIS
from vidstyle.frames import Frame, Pixels
from vidstyle.options import SteadyOptions
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.temporal.base import Boundary, ClipFrame, PaintedFrame, RepaintMask, SavableMethod
from vidstyle.temporal.blend import Blend
from vidstyle.temporal.cuts import Cuts
from vidstyle.temporal.loop import Returning, steadied
from vidstyle.temporal.paint_map.paint_map import PaintMap
from vidstyle.temporal.paint_map.settings import MapSettings

HEIGHT, WIDTH = 48, 80
GROUND, OTHER = ground(3 * HEIGHT, 3 * WIDTH), ground(3 * HEIGHT, 3 * WIDTH, seed=9)


class Pan:
    """Motion of 2 px to the left, as an estimator on RGB tensors gives it."""

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        return source.new_tensor([-2.0, 0.0]).view(1, 2, 1, 1).expand(-1, -1, *source.shape[-2:])


def scene(count: int) -> list[Pixels]:
    """A pan, of which two frames are equal."""
    picture = [shot(view(GROUND, 100 + 2 * i, 72, 1, HEIGHT, WIDTH), noise=1, seed=i) for i in range(count)]
    picture[4] = picture[3]
    return picture


def steady(method: PaintMap | Blend, contents: list[Pixels], first: int) -> list[Pixels]:
    results = []
    for number, content in enumerate(contents):
        method.plan(content, renew=0.02)
        factor = 257 if content.dtype == np.uint16 else 1
        painted = flickering((content // factor).astype(np.uint8), first + number)
        results.append(method.settle(painted if factor == 1 else painted.astype(np.uint16) * 257))
    return results


MAKERS: dict[str, Callable[[], PaintMap | Blend]] = {
    "map in OpenCV": PaintMap,
    "map in OpenCV, three slots": lambda: PaintMap(settings=MapSettings(slots=3), stability=0.4),
    "map in OpenCV, flow of tensors": lambda: PaintMap(Pan()),
    "map in torch": lambda: PaintMap(raster=TorchRaster("cpu")),
    "map in torch, flow of tensors": lambda: PaintMap(Pan(), raster=TorchRaster("cpu"), stability=0.5),
    "blend": Blend,
    "blend, flow of tensors": lambda: Blend(Pan()),
}


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_method_that_is_restored_goes_on_as_it_would_have(name: str, deep: bool) -> None:
    contents = [each.astype(np.uint16) * 257 if deep else each for each in scene(9)]
    whole = steady(MAKERS[name](), contents, 0)
    parts: list[Pixels] = []
    kept: dict[str, Tensor] = {}
    for first, stop in pairwise((0, 1, 5, 9)):
        method = MAKERS[name]()
        if kept:
            method.restore(kept)
        parts += steady(method, contents[first:stop], first)
        kept = method.tensors()
    for index, (part, alike) in enumerate(zip(parts, whole, strict=True)):
        assert np.array_equal(part, alike), f"frame {index} differs"


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_kept_is_restored_whole_and_shares_no_memory(name: str) -> None:
    method, other = MAKERS[name](), MAKERS[name]()
    steady(method, scene(6), 0)
    kept = method.tensors()
    before = {key: tensor.clone() for key, tensor in kept.items()}
    other.restore(kept)
    again = other.tensors()
    steady(other, scene(6)[4:], 6)
    assert again.keys() == before.keys()
    assert all(torch.equal(again[key], tensor) for key, tensor in before.items())
    assert all(torch.equal(kept[key], tensor) for key, tensor in before.items())


@pytest.mark.parametrize("upsampling", [1, 2])
@pytest.mark.parametrize("raster", [CvRaster(), TorchRaster("cpu")], ids=["OpenCV", "torch"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_ring_gives_back_exactly_what_was_stored(
    dtype: type[np.uint8 | np.uint16], raster: AnyRaster, upsampling: int
) -> None:
    full = np.iinfo(dtype).max
    pixels = np.random.default_rng(5).integers(0, full, (3, 13, 18, 3), dtype, endpoint=True)
    pictures = [raster.from_samples(each) for each in pixels]
    ring = raster.new_ring(3, pictures[0], upsampling)
    for slot, picture in enumerate(pictures):
        raster.store(ring, slot, picture)
    for slot, each in enumerate(pixels):
        assert np.array_equal(raster.to_samples(raster.stored(ring, slot)), each)


def test_cuts_are_found_alike_after_any_frame() -> None:
    flash = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    one, other = scene(6), [shot(view(OTHER, 100, 72, 1, HEIGHT, WIDTH), noise=1, seed=i) for i in range(4)]
    frames = [*one, *other[:2], *one[4:], flash, flash, one[5], *other]
    cuts = Cuts()
    whole = [cuts.look(frame) for frame in frames]
    assert {"cut", "return", "blank"} == {_kind(each) for each in whole} - {"none"}
    for stop in range(1, len(frames)):
        before = Cuts()
        parts = [before.look(frame) for frame in frames[:stop]]
        after = Cuts.from_tensors(before.tensors())
        parts += [after.look(frame) for frame in frames[stop:]]
        assert parts == whole, f"stopped after {stop} frames"


def _kind(boundary: Boundary) -> str:
    named = {"cut": boundary.is_cut, "return": boundary.is_return, "blank": boundary.is_blank}
    return next((name for name, is_one in named.items() if is_one), "none")


class Plain:
    """A temporal method that keeps the painting as it is, and that cannot be kept itself."""

    repainted = 1.0

    def __init__(self, flow: FlowEstimator | None = None, **options: object) -> None:
        pass

    def plan(self, content: Pixels, **known: object) -> RepaintMask:
        return RepaintMask(np.ones(content.shape[:2], np.bool_), 1.0)

    def settle(self, painted: Pixels, valid: object = None) -> Pixels:
        return painted


def test_a_method_that_cannot_be_kept_is_named() -> None:
    def paint(known: ClipFrame, is_cut: bool, mask: RepaintMask | None) -> PaintedFrame:
        return PaintedFrame(known.frame.pixels)

    frames = (ClipFrame(Frame(each, Fraction(i, 25))) for i, each in enumerate(scene(5)[:2]))
    steady_frames = Returning(steadied(frames, paint, options=SteadyOptions(temporal=Plain)))
    assert len(list(steady_frames)) == 2 and steady_frames.returned is not None
    with pytest.raises(OptionError, match="the temporal method Plain cannot be kept"):
        steady_frames.returned.tensors()


@pytest.mark.parametrize("method", [PaintMap(DIS()), Blend(DIS())])
def test_the_bundled_methods_can_be_kept(method: object) -> None:
    assert isinstance(method, SavableMethod)
