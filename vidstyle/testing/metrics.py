"""The contract of metrics, as tests."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.metrics.base import Metric, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.measurer import Measurer
from vidstyle.metrics.perceptual_features import Features, bundled
from vidstyle.testing.devices import devices

_NEEDS = {"motion", "style", "baseline"}


class MetricContract(ABC):
    """Checks one metric, on each device there is; a subclass defines ``make``."""

    @abstractmethod
    def make(self, setup: Setup) -> Metric:
        """A new metric; ``setup`` has a style picture and an encoder."""

    def test_it_says_what_it_needs_and_what_it_measures(self) -> None:
        metric = self._new()
        needs = ", ".join(sorted(_NEEDS))
        assert set(metric.needs) <= _NEEDS, f"needs may hold {needs}; it is {set(metric.needs)}"
        assert all(isinstance(step, int) and step > 0 for step in metric.intervals), (
            f"intervals are whole numbers of frames above 0; they are {metric.intervals}"
        )
        assert "motion" not in metric.needs or metric.intervals, "a metric that needs motion needs intervals"
        text = inspect.getdoc(type(metric)) or ""
        assert len(text) > 20, (
            f"the class needs a docstring of over 20 characters that says what it measures; it has {text!r}"
        )

    def test_what_a_run_measures_looks_at_most_one_frame_back(self) -> None:
        metric = self._new()
        sampling = getattr(metric, "meaning", Meaning("", "")).sampling
        if sampling is not None:
            assert set(metric.intervals) <= {1}, (
                f"with meaning.sampling a metric looks one frame back at most, not {metric.intervals}"
            )
            assert "baseline" not in metric.needs, "a run has no baseline for a metric with meaning.sampling"
            assert 0 <= sampling.first < sampling.every, f"sampling.first must be under every: {sampling}"

    def test_odd_sizes_give_a_finite_number_of_0_or_more(self) -> None:
        for device in devices():
            clip = _clip(37, 53, device)
            value, _ = self._fed(_noisy(clip, self._enough()), clip)
            assert isinstance(value, float), f"result() must be a float, it is {value!r}"
            assert math.isfinite(value), f"result() must be finite, it is {value}"
            assert value >= 0, f"result() must be 0 or more, it is {value}"

    def test_the_same_frames_give_the_same_numbers(self) -> None:
        clip = _clip(37, 53)
        results = _noisy(clip, 6)
        first, again = (self._fed(results, clip) for _ in (0, 1))
        assert first == again, f"the same frames give {first[0]}, then {again[0]}, or other curves"

    def test_no_frame_and_one_frame_are_no_nan(self) -> None:
        empty = self._new().result()
        assert empty is None, f"result() of no frame must be None, it is {empty}"
        clip = _clip(37, 53)
        value, _ = self._fed([clip], clip)
        assert value is None or not math.isnan(value), "result() of one frame must be a number or None"

    def test_flat_frames_are_no_nan(self) -> None:
        for level in (0.0, 1.0):
            flat = torch.full((1, 3, 37, 53), level)
            value, values = self._fed([flat] * self._enough(), flat)
            assert not any(isinstance(number, float) and math.isnan(number) for number in (value, *values)), (
                f"flat frames of {level} must give numbers or None, they give {value} and {values}"
            )

    def test_tiny_frames_raise_nothing(self) -> None:
        for size in ((16, 16), (3, 40)):
            tiny = _clip(*size)
            value, _ = self._fed(_noisy(tiny, 12), tiny)
            assert value is None or not math.isnan(value), f"frames of {size} px must give a number or None"

    def test_what_is_given_is_left_as_it_was(self) -> None:
        clip = _clip(37, 53)
        results = [clip, *_noisy(clip, 5)]
        before = [result.clone() for result in results]
        self._fed(results, clip)
        unchanged = all(torch.equal(one, other) for one, other in zip(before, results, strict=True))
        assert unchanged, "add has changed the pictures that it was given"

    def test_memory_does_not_grow_with_the_clip(self) -> None:
        """Once a metric has a value, it needs no more memory."""
        clip, sizes = _clip(37, 53), []
        for count in (self._enough() + 2, 2 * self._enough()):
            metric = self._new()
            measurer = Measurer({"ours": {"metric": metric}}, _still)
            for result in _noisy(clip, count):
                measurer.add({"ours": Sample(clip, result, clip.flip(1))})
            sizes.append(_held(metric))
        assert sizes[0] == sizes[1], f"what it holds grows with the clip: {sizes[0]}, then {sizes[1]} numbers"

    def _new(self, device: str = "cpu") -> Metric:
        return self.make(Setup(style=_clip(40, 60, device).flip(1), features=_features(device)))

    def _enough(self) -> int:
        """Frames after which the metric must have a value."""
        return 5 + max((int(step) for step in self._new().intervals), default=1)

    def _fed(self, results: list[Tensor], clip: Tensor) -> tuple[float | None, list[float | None]]:
        """The value, and each frame's."""
        measurer = Measurer({"ours": {"metric": self._new(clip.device.type)}}, _still)
        values = []
        for result in results:
            sample = Sample(clip, result, baseline=clip.flip(1))
            values.append(measurer.add({"ours": sample})["ours"]["metric"])
        return measurer.results()["ours"]["metric"], values


@lru_cache(maxsize=2)
def _features(device: str) -> Features:
    return bundled(device)


def _clip(height: int, width: int, device: str = "cpu") -> Tensor:
    """A frame (1, 3, H, W) in [0, 1] of smooth colours and fine texture, with a small thing in it."""
    generator = torch.Generator().manual_seed(7)
    rough = torch.rand(1, 3, 5, 7, generator=generator)
    picture = F.interpolate(rough, (height, width), mode="bicubic").clamp(0, 1) * 0.7
    picture += 0.3 * torch.rand(1, 3, height, width, generator=generator)
    if min(height, width) > 32:
        picture[..., 20:22, 30:32] = 0
    return picture.to(device)


def _noisy(clip: Tensor, count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(9)
    noise = [torch.randn(clip.shape, generator=generator).to(clip) * 0.002 for _ in range(count)]
    return [(clip + each).clamp(0, 1) for each in noise]


def _still(step: int, earlier: Sample, later: Sample) -> Motion:
    """No motion, apart from a corner that moves to the right, which some metrics need."""
    slides = torch.zeros(1, 2, *earlier.content.shape[-2:], device=earlier.content.device)
    slides[:, 0, :16, :24] = 2
    return Motion(slides, -slides)


def _held(value: Any, depth: int = 0) -> int:
    """The count of tensor values and list items reachable from ``value``, the shared encoder left out."""
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
