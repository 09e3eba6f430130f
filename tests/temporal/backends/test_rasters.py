"""The paint map's two rasters: every operation means the same in OpenCV and in torch, and so does the map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from vidstyle.errors import DeviceError
from vidstyle.flow.dis import DIS
from vidstyle.flow.raft import Raft, RaftSmall
from vidstyle.frames import Frame
from vidstyle.options import SteadyOptions
from vidstyle.pipeline.motion import raster_of
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.temporal.base import ClipFrame, PaintedFrame, RepaintMask, SteadyFrame
from vidstyle.temporal.loop import steadied
from vidstyle.temporal.paint_map.paint_map import PaintMap

Array = NDArray[Any]

RASTERS: tuple[Any, ...] = (CvRaster(), TorchRaster("cpu"))  # as seen by their common users: of no one type
SIZES = [(37, 53), (64, 96), (5, 16)]
LEVEL = 1 / 255  # of the range


@pytest.fixture(scope="module")
def raft() -> Raft:
    return RaftSmall(updates=3)


def texture(height: int, width: int, seed: int = 0, *, grain: float = 1.5) -> Array:
    """(H, W, 3) float32 in [0, 1]: noise, blurred by ``grain`` px and stretched to the whole range."""
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    least, most = float(smooth.min()), float(smooth.max())
    return np.asarray((smooth - least) / (most - least), np.float32)


def pixels(values: Array, dtype: Any = np.uint8) -> Array:
    samples: Array = np.rint(values.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)
    return samples


def values_of(raster: AnyRaster, result: Any) -> Any:
    """A raster's result in a form that both share: pictures as (H, W, 3) of the range, planes (H, W)."""
    if isinstance(result, tuple):
        return np.stack([values_of(raster, each) for each in result])
    if isinstance(result, torch.Tensor) and result.ndim == 4:
        return result[0].permute(1, 2, 0).double().numpy()
    array = np.asarray(result)
    if array.ndim == 3 and array.dtype in (np.uint8, np.uint16):
        return array / np.iinfo(array.dtype).max
    return array.astype(np.float64)


# Planes ----------------------------------------------------------------------------------------------

Planes = tuple[Any, Any, Any]  # two of numbers around 0, and a mask

PLANES: dict[str, Callable[[Any, Planes], Any]] = {
    "grid": lambda raster, p: raster.grid(7, 9),
    "full": lambda raster, p: raster.full(3, 4, 0.5),
    "zero slots": lambda raster, p: raster.zero_slots(3, 4),
    "to float": lambda raster, p: raster.to_float(p[2]),
    "rint": lambda raster, p: raster.rint(p[0] * 0 + 2.5) + raster.rint(p[0]),
    "floor": lambda raster, p: raster.floor(p[0]),
    "select of planes": lambda raster, p: raster.select(p[2], p[0], p[1] + 0),
    "select of a number": lambda raster, p: raster.select(p[2], 0.25, p[1] + 0),
    "select of a slot": lambda raster, p: raster.select(p[2], 63, raster.zero_slots(*p[2].shape)),
    "clip": lambda raster, p: raster.clip(p[0], -1.0, 0.5),
    "sqrt": lambda raster, p: raster.sqrt(p[0]),
    "mean": lambda raster, p: raster.mean(p[2]),
    "median": lambda raster, p: raster.median(p[0][:5, :5]),
    "least used": lambda raster, p: raster.least_used(
        whole(raster, p[0], 6) + raster.zero_slots(*p[0].shape), p[2], 6
    ),
    "least used, of those that are not": lambda raster, p: raster.least_used(
        whole(raster, p[0], 6) + raster.zero_slots(*p[0].shape), p[2], 8
    ),
    "camera motion": lambda raster, p: raster.camera_motion(
        (p[0] * 0.01 + raster.grid(*p[0].shape)[1], p[1] * 0.01 + 2), (5, 7), *p[0].shape
    ),
    "gather": lambda raster, p: raster.gather(p[1], raster.rint(p[0] * 9), raster.rint(p[1] * 9)),
    "narrow blur": lambda raster, p: raster.gaussian_blur(p[0], 0.5),
    "blur": lambda raster, p: raster.gaussian_blur(p[0], 2.0),
    "blur wider than the plane": lambda raster, p: raster.gaussian_blur(p[0], 20.0),
    "gradient": lambda raster, p: raster.gradient(p[0]),
    "median filter": lambda raster, p: raster.median_filter(p[2]),
    "dilate": lambda raster, p: raster.dilate(p[2] & (p[0] > 0.8)),
    "resize, larger": lambda raster, p: raster.resize(p[0], 71, 150),
    "resize, twice as large": lambda raster, p: raster.resize(p[0], 2 * p[0].shape[0], 2 * p[0].shape[1]),
    "resize, half": lambda raster, p: raster.resize(p[0][:4, :16], 2, 8),
    "resize, smaller": lambda raster, p: raster.resize(p[0], 3, 11),
    "resize, flatter": lambda raster, p: raster.resize(p[0], 3, p[0].shape[1]),
    "resize, same size": lambda raster, p: raster.resize(p[0], *p[0].shape),
}


def whole(raster: Any, plane: Any, count: int) -> Any:
    """``plane`` as slots 0 to ``count`` - 1."""
    slots = raster.zero_slots(*plane.shape)
    for slot in range(count):
        slots = raster.select(plane > slot * 0.2 - 0.5, slot, slots)
    return slots


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", PLANES)
def test_planes_come_out_the_same(name: str, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(3)
    first, second = noise.normal(0, 1, size), noise.normal(0, 1, size)
    mask = noise.random(size) < 0.5
    found = []
    for raster in RASTERS:
        planes = raster.from_array(first), raster.from_array(second), raster.from_array(mask) > 0
        found.append(values_of(raster, PLANES[name](raster, planes)))
    assert found[0].shape == found[1].shape
    assert np.abs(found[0] - found[1]).max() <= 5e-5


@pytest.mark.parametrize("make", [CvRaster, lambda: TorchRaster("cpu")], ids=["opencv", "torch"])
def test_the_mean_of_all_ones_is_one(make: Callable[[], AnyRaster]) -> None:
    raster = make()
    assert raster.mean(raster.full(179, 321, 1.0)) == 1.0


def test_decisions_are_known_on_the_cpu() -> None:
    weights = np.random.default_rng(5).random((37, 53)) + 0.9
    black, grey = (pixels(np.full((3, 4, 3), value)) for value in (0.0, 0.5))
    for raster in RASTERS:
        same, other = (
            raster.is_equal(*map(raster.from_samples, pair)) for pair in ((black,) * 2, (black, grey))
        )
        decided = raster.decisions(raster.from_array(weights), same)
        assert decided.is_repeat is True
        assert raster.decisions(raster.from_array(weights), other).is_repeat is False
        assert decided.share == pytest.approx((weights.astype(np.float32) < 1).mean())
        assert isinstance(decided.mask, np.ndarray) and decided.mask.dtype == np.bool_
        expected = cv2.dilate((weights.astype(np.float32) < 1).astype(np.uint8), np.ones((3, 3), np.uint8))
        assert np.array_equal(decided.mask, expected > 0)


# Pictures --------------------------------------------------------------------------------------------

Pictures = tuple[Any, Any, Any, Any]  # two pictures, and two planes from 0 to 1 of their size

PICTURES: dict[str, Callable[[Any, Pictures], Any]] = {
    "upload": lambda raster, p: p[0],
    "downsample": lambda raster, p: raster.downsample(p[0], 4, 13),
    "luminance": lambda raster, p: raster.luminance(p[0]),
    "color distance": lambda raster, p: raster.color_distance(p[0], p[1], 0.6),
    "blend": lambda raster, p: raster.blend(p[0], p[1], p[2]),
    "fill": lambda raster, p: raster.fill(p[0], p[1], np.asarray(p[2] > 0.5)),
    "subtract": lambda raster, p: raster.subtract(p[0], p[1]),
    "add": lambda raster, p: raster.add(p[0], raster.subtract(p[1], p[0])),
    "add, out of range": lambda raster, p: raster.add(p[0], raster.subtract(p[0], p[1])),
    "add, upsampled": lambda raster, p: raster.add(p[0], raster.low_pass_difference(p[1], p[0], 3, 5, 0.5)),
    "warp": lambda raster, p: raster.warp(p[0], *aside(raster, p, 3.0)),
    "warp of a difference": lambda raster, p: raster.warp_difference(
        raster.subtract(p[0], p[1]), *aside(raster, p, 3.0)
    ),
    "fade": lambda raster, p: raster.fade(
        raster.subtract(p[0], p[1]), None, p[2], raster.resize(p[3], 4, 13), 1.5
    ),
    "fade of a sum": lambda raster, p: raster.fade(
        raster.subtract(p[0], p[1]), raster.subtract(p[1], p[0]) * 0.3, p[2], raster.resize(p[3], 4, 13), 1.5
    ),
    "zero correction": lambda raster, p: raster.zero_correction(3, 4),
    "low-pass difference": lambda raster, p: raster.low_pass_difference(p[0], p[1], 3, 7, 1.0),
    "low-pass difference, not blurred": lambda raster, p: raster.low_pass_difference(p[0], p[1], 3, 7, 0.0),
    "soft threshold": lambda raster, p: raster.soft_threshold(raster.subtract(p[0], p[1]), 0.1),
    "interpolate": lambda raster, p: raster.interpolate(
        raster.subtract(p[0], p[1]), raster.subtract(p[1], p[0]), p[2] * 0.1
    ),
    "multiply": lambda raster, p: raster.multiply(raster.subtract(p[0], p[1]), p[2]),
    "sample, bilinear": lambda raster, p: sampled(raster, p, sharp=False),
    "sample, sharp": lambda raster, p: sampled(raster, p, sharp=True),
}


def aside(raster: Any, p: Pictures, by: float) -> tuple[Any, Any]:
    """Places up to ``by`` px from each pixel's own, some of them outside."""
    x, y = raster.grid(*raster.size(p[0]))
    return x + (p[2] - 0.5) * 2 * by, y + (p[3] - 0.5) * 2 * by


def sampled(raster: Any, p: Pictures, *, sharp: bool) -> Any:
    """From a ring of three pictures, a different one in each third of the range of a plane."""
    ring = raster.new_ring(3, p[0], 2 if sharp else 1)
    for slot, picture in enumerate((p[1], p[0], p[1])):
        raster.store(ring, slot, picture)
    slots = raster.select(p[2] > 0.5, 1, raster.select(p[2] > 0.8, 2, raster.zero_slots(*p[2].shape)))
    places = aside(raster, p, 1.5)
    return (
        raster.sample_sharp(ring, slots, *places) if sharp else raster.sample_bilinear(ring, slots, *places)
    )


def both(size: tuple[int, int], dtype: Any, make: Callable[[Any, Pictures], Any]) -> list[Any]:
    height, width = size
    first, second = (pixels(texture(height, width, seed, grain=3), dtype) for seed in (1, 2))
    smooth = texture(height, width, 5, grain=6)
    found = []
    for raster in RASTERS:
        planes = raster.from_array(smooth[..., 0]), raster.from_array(smooth[..., 1])
        found.append(
            values_of(
                raster, make(raster, (raster.from_samples(first), raster.from_samples(second), *planes))
            )
        )
    assert found[0].shape == found[1].shape
    return found


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_come_out_within_two_levels(name: str, size: tuple[int, int], dtype: Any) -> None:
    found = both(size, dtype, PICTURES[name])
    # OpenCV rounds all that it gives to whole levels, and places to 1/32 px
    assert np.abs(found[0] - found[1]).max() <= 2 * LEVEL
    assert np.abs(found[0] - found[1]).mean() <= 0.5 * LEVEL


def test_large_pictures_are_sampled_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    def sample() -> Any:
        return both((37, 53), np.uint8, lambda raster, p: sampled(raster, p, sharp=True))[1]

    whole_at_once = sample()
    monkeypatch.setattr("vidstyle.temporal.backends.torch_sampling._SAMPLED", 300)  # px: seven bands
    assert np.array_equal(sample(), whole_at_once)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_goes_up_comes_down_the_same(dtype: Any) -> None:
    given = np.random.default_rng(4).integers(0, np.iinfo(dtype).max + 1, (37, 53, 3)).astype(dtype)
    raster = TorchRaster("cpu")
    back, share = raster.download(raster.to_samples(raster.from_samples(given)), torch.tensor(0.5))()
    assert share == 0.5
    back, share = raster.download(raster.upload(given), 0.25)()
    assert share == 0.25
    assert back.dtype == dtype and np.array_equal(back, given)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_paint_that_stays_in_its_place_is_never_changed(dtype: Any) -> None:
    raster = TorchRaster("cpu")
    pictures = [pixels(texture(180, 40, seed), dtype) for seed in range(20)]
    ring = raster.new_ring(20, raster.from_samples(pictures[0]))
    for slot, picture in enumerate(pictures):
        raster.store(ring, slot, raster.from_samples(picture))
    place = raster.grid(180, 40)
    for slot in (0, 19):  # 3,600 lines: far down a tall block too
        there = raster.sample_sharp(ring, raster.zero_slots(180, 40) + slot, *place)
        assert np.array_equal(raster.to_samples(there), pictures[slot])


def test_equal_pictures_are_told_from_different_ones() -> None:
    picture = pixels(texture(37, 53))
    other = picture.copy()
    other[-1, -1, 2] ^= 1
    for raster in RASTERS:
        up = raster.from_samples(picture)
        assert raster.is_equal(up, raster.from_samples(picture.copy()))
        assert not raster.is_equal(up, raster.from_samples(other))


def test_a_fade_that_is_over_is_nothing() -> None:
    for raster in RASTERS:
        one = raster.from_samples(pixels(np.full((8, 9, 3), 0.5)))
        other = raster.from_samples(pixels(np.full((8, 9, 3), 0.6)))
        faded = raster.fade(
            raster.subtract(one, other), None, raster.full(8, 9, 0.02), raster.full(4, 5, 0.0), 1.0
        )
        assert faded is None or not faded.any()


# Devices ---------------------------------------------------------------------------------------------


class NoDoubles(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fails where torch makes a tensor of float64."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, (tuple, list)) else (result,):
            assert not (isinstance(each, torch.Tensor) and each.dtype == torch.float64), function
        return result


def test_nothing_is_float64(raft: Raft) -> None:
    with NoDoubles():  # type: ignore[no-untyped-call]
        for flow in (DIS(), raft):
            steady(clip(3), TorchRaster("cpu"), flow)


def test_pictures_and_motion_never_leave_the_device() -> None:
    raster = TorchRaster("meta")  # holds no values: whatever asks for some fails

    def estimator(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        assert source.dtype == torch.float32
        return torch.cat([source[:, :2], target[:, :2]])

    picture = raster.from_samples(pixels(texture(37, 53)))
    view = raster.flow_input(picture, 16, 24, estimator)
    motion = raster.estimate_motion(estimator, view, view)
    u, v = (raster.resize(plane, 37, 53) for plane in motion)
    ring = raster.new_ring(3, picture)
    raster.store(ring, 1, picture)
    old = raster.sample_sharp(ring, raster.zero_slots(37, 53), u, v)
    old = raster.add(
        old, raster.warp_difference(raster.low_pass_difference(old, picture, 9, 13, 1.0), *raster.grid(9, 13))
    )
    result = raster.blend(
        old, picture, raster.gaussian_blur(raster.to_float(raster.median_filter(u > v)), 2.0)
    )
    assert result.device.type == "meta" and result.shape == (1, 3, 37, 53)


def test_a_gpu_computes_the_map_and_a_cpu_leaves_it_to_opencv() -> None:
    assert isinstance(raster_of(torch.device("cpu")), CvRaster)
    raster = raster_of(torch.device("cuda", 0))
    assert isinstance(raster, TorchRaster) and raster.device == torch.device("cuda", 0)


def test_a_stylizer_paints_the_same_with_its_map_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [content for content, _ in clip(4)]
    stylizer = Stylizer("waves", device="cpu", flow="dis")
    expected = list(stylizer.frames(pictures))
    monkeypatch.setattr("vidstyle.pipeline.clip_stream.raster_of", lambda device: TorchRaster(device))
    results = list(stylizer.frames(pictures))
    assert not np.array_equal(results[-1], expected[-1])  # torch rounds less
    alone = [stylizer.image(picture) for picture in pictures]
    assert np.array_equal(results[0], alone[0])
    for one, other, anew in zip(expected[1:], results[1:], alone[1:], strict=True):
        apart, carried = (np.abs(one.astype(float) - than).mean() for than in (other, anew))
        assert apart < 0.25 * carried  # of what the map changes, in either way


def test_a_ring_that_does_not_fit_is_one_clear_line() -> None:
    raster = TorchRaster("cpu")
    with pytest.raises(DeviceError, match="ran out of memory at 53x37"):
        raster.new_ring(10**14, raster.from_samples(pixels(texture(37, 53))))


# FrameMotion ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_estimators_see_the_same(dtype: Any, raft: Raft) -> None:
    picture = pixels(texture(75, 101, grain=3), dtype)
    grey, other = (raster.flow_input(raster.from_samples(picture), 60, 81, DIS()) for raster in RASTERS)
    assert grey.dtype == other.dtype == np.uint8
    assert np.abs(grey.astype(int) - other).max() <= 3  # one level, with its contrast raised
    color, other = (raster.flow_input(raster.from_samples(picture), 60, 81, raft) for raster in RASTERS)
    assert color.dtype == other.dtype == torch.float32
    assert float((color - other).abs().max()) <= LEVEL


@pytest.mark.parametrize("name", ["dis", "raft-small"])
def test_motion_is_the_same(name: str, raft: Raft) -> None:
    estimator: Any = DIS() if name == "dis" else raft
    first, second = pixels(moving(0)), pixels(moving(2))
    found = []
    for raster in RASTERS:
        views = [raster.flow_input(raster.from_samples(each), 72, 96, estimator) for each in (second, first)]
        found.append(values_of(raster, raster.estimate_motion(estimator, *views)))
    assert found[0].shape == (2, 72, 96)
    assert np.abs(found[0] - found[1]).mean() < 0.05


# The map ---------------------------------------------------------------------------------------------


def moving(time: float, pan: tuple[float, float] = (1.3, 0.4)) -> Array:
    """(72, 96, 3) in [0, 1]: a ground over which we ``pan`` (px a frame), and a square that crosses it."""
    shift = np.array([[1, 0, -20 - pan[0] * time], [0, 1, -30 - pan[1] * time]], np.float32)
    ground = texture(200, 240, 6, grain=2.5)
    frame: Array = cv2.warpAffine(ground, shift, (96, 72), flags=cv2.INTER_CUBIC)
    left = round(8 + 2 * time)
    frame[20:52, left : left + 32] = texture(32, 32, 7, grain=1.2)
    return frame


def clip(
    count: int, dtype: Any = np.uint8, *, noise: float = 0.08, **how: Any
) -> Iterator[tuple[Array, Array]]:
    """Contents and paintings: negatives that flicker."""
    for time in range(count):
        content = moving(time, **how)
        flicker = noise * (texture(72, 96, 100 + time, grain=2) - 0.5)
        yield pixels(content, dtype), pixels(1 - content + flicker, dtype)


def steady(
    pairs: Iterator[tuple[Array, Array]], raster: AnyRaster, flow: Any
) -> tuple[list[Array], list[RepaintMask]]:
    paint = PaintMap(flow, raster=raster)
    results, needs = [], []
    for content, painting in pairs:
        needs.append(paint.plan(content))
        results.append(paint.settle(painting))
    return results, needs


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_maps_agree_whatever_computes_them(dtype: Any) -> None:
    expected, planned = steady(clip(12, dtype), CvRaster(), None)
    results, needs = steady(clip(12, dtype), TorchRaster("cpu"), None)
    full = np.iinfo(dtype).max
    for one, other in zip(expected, results, strict=True):
        assert one.dtype == other.dtype == dtype
        assert np.abs(one.astype(float) - other).mean() / full < 2 * LEVEL
    assert all(need.mask.dtype == np.bool_ for need in needs)
    shares = np.array([[need.share for need in each] for each in (planned, needs)])
    assert np.abs(shares[0] - shares[1]).mean() < 0.03
    assert 0.01 < shares[1, 1:].mean() < 0.7  # strokes are others in each frame: much seems lost


def test_a_still_stays_the_first_painting_to_the_bit() -> None:
    content, painting = next(clip(1))
    other = pixels(1 - content / 255 + 0.03)
    results, needs = steady(iter([(content, painting), (content, other)]), TorchRaster("cpu"), None)
    assert needs[1].share == 0 and not needs[1].mask.any()
    assert np.array_equal(results[1], painting)


@pytest.mark.parametrize("raster", [None, TorchRaster("cpu")], ids=["opencv", "torch"])
@pytest.mark.parametrize("method", ["map", "blend"])
def test_raft_steadies_on_any_raster(method: str, raster: AnyRaster | None, raft: Raft) -> None:
    pairs = list(clip(5, noise=0.3, pan=(2, 0)))
    frames = [Frame(content, Fraction(index, 25)) for index, (content, _) in enumerate(pairs)]
    paints = iter([painting for _, painting in pairs])

    def paint(known: ClipFrame, is_cut: bool, need: RepaintMask | None) -> PaintedFrame:
        return PaintedFrame(next(paints))

    shown: list[SteadyFrame] = list(
        steadied(
            map(ClipFrame, frames),
            paint,
            options=SteadyOptions(temporal=method, flow="raft-small"),
            flow=raft,
            raster=raster,
        )
    )
    assert [each.is_cut for each in shown] == [True, False, False, False, False]

    def flicker(pictures: list[Array]) -> float:
        """How much the ground, away from the square, differs from one frame to the next."""
        grounds = [picture[56:].astype(float) for picture in pictures]
        return float(np.mean([np.abs(now[:, :-2] - last[:, 2:]).mean() for last, now in pairwise(grounds)]))

    assert flicker([each.pixels for each in shown]) < 0.7 * flicker([painting for _, painting in pairs])
