"""Facts that hold for every registered metric; a new one is tested by being listed."""

from __future__ import annotations

import inspect
import math
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor
from truth import grid, noisy, texture

from vidstyle.metrics.base import Metric, Motion, Sample, Setup
from vidstyle.metrics.features import Features, bundled
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.measurer import Measurer
from vidstyle.registry import METRICS

NEEDS = {"motion", "style", "alone"}
CLIP = texture(grid(37, 53))
CLIP[..., 20:22, 30:32] = 0  # a small thing
STYLE = texture(grid(40, 60)).flip(1)

ELSEWHERE = (
    "lpips",
    "tlpips",
    "fid",
    "art_fid",
    "clip_consistency",
)  # their network does not come with vidstyle: see test_perception and test_fid

every_metric = pytest.mark.parametrize("name", [name for name in METRICS if name not in ELSEWHERE])


@lru_cache(maxsize=1)
def features() -> Features:
    return bundled()


def enough(name: str) -> int:
    """Frames after which the metric must have a value."""
    return 5 + max((int(step) for step in METRICS.load(name).intervals), default=1)


def made(name: str) -> Metric:
    metric: Metric = METRICS.load(name)(Setup(style=STYLE, features=features()))
    return metric


def still(step: int, earlier: Sample, later: Sample) -> Motion:
    """No motion, but for a corner that some metrics must have: it slides to the right."""
    slides = torch.zeros(1, 2, *earlier.content.shape[-2:])
    slides[:, 0, :16, :24] = 2
    return Motion(slides, -slides)


def fed(name: str, results: list[Tensor], *, clip: Tensor = CLIP, cuts: tuple[int, ...] = ()) -> list[Any]:
    """The value, and each frame's."""
    measurer = Measurer({"ours": {name: made(name)}}, still)
    values = []
    for index, result in enumerate(results):
        sample = Sample(clip, result, alone=clip.flip(1), is_cut=index in cuts)
        values.append(measurer.add({"ours": sample})["ours"][name])
    return [measurer.results()["ours"][name], values]


@every_metric
def test_it_says_what_it_needs_before_it_is_made(name: str) -> None:
    kind = METRICS.load(name)
    assert set(kind.needs) <= NEEDS
    assert all(isinstance(step, int) and step > 0 for step in kind.intervals)
    assert "motion" not in kind.needs or kind.intervals
    assert isinstance(kind.meaning, Meaning)
    assert len(inspect.getdoc(kind) or "") > 20


@every_metric
def test_odd_sizes_give_a_finite_number_that_is_no_nan(name: str) -> None:
    value, _ = fed(name, noisy([CLIP] * enough(name), 0.002))
    assert isinstance(value, float)
    assert math.isfinite(value)
    assert value >= 0


@every_metric
def test_the_same_frames_give_the_same_numbers(name: str) -> None:
    results = noisy([CLIP] * 6, 0.002)
    assert fed(name, results) == fed(name, results)


@every_metric
def test_no_frame_and_one_frame_are_no_nan(name: str) -> None:
    assert made(name).result() is None
    value, _ = fed(name, [CLIP])
    assert value is None or not math.isnan(value)


@every_metric
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_flat_frames_are_no_nan(name: str, level: float) -> None:
    flat = torch.full_like(CLIP, level)
    value, values = fed(name, [flat] * enough(name), clip=flat)
    assert not any(isinstance(number, float) and math.isnan(number) for number in (value, *values))


@every_metric
@pytest.mark.parametrize("size", [(16, 16), (3, 40)])
def test_tiny_frames_raise_nothing(name: str, size: tuple[int, int]) -> None:
    tiny = texture(grid(*size))
    value, _ = fed(name, noisy([tiny] * 12, 0.002), clip=tiny)
    assert value is None or not math.isnan(value)


@every_metric
def test_what_is_given_is_left_as_it_was(name: str) -> None:
    results = noisy([CLIP] * 6, 0.002)
    before = [result.clone() for result in (CLIP, *results)]
    fed(name, results)
    assert all(torch.equal(one, other) for one, other in zip(before, (CLIP, *results), strict=True))


@every_metric
def test_memory_does_not_grow_with_the_clip(name: str) -> None:
    """What a metric holds once it has a value is all that it will ever hold."""
    sizes = []
    for count in (enough(name) + 2, 2 * enough(name)):
        metric = made(name)
        measurer = Measurer({"ours": {name: metric}}, still)
        for result in noisy([CLIP] * count, 0.002):
            measurer.add({"ours": Sample(CLIP, result, CLIP.flip(1))})
        sizes.append(_held(metric))
    assert sizes[0] == sizes[1]


def _held(value: Any, depth: int = 0) -> int:
    """Tensor numbers and list items reachable from ``value``, the shared encoder left out."""
    if isinstance(value, Tensor):
        return value.numel()
    if depth > 4 or isinstance(value, Features):
        return 0
    if isinstance(value, dict):
        return sum(_held(item, depth + 1) for item in value.values())
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return len(list(value)) + sum(_held(item, depth + 1) for item in value)
    names = [*getattr(value, "__dict__", {}), *getattr(type(value), "__slots__", ())]
    return sum(_held(getattr(value, item, None), depth + 1) for item in names)
