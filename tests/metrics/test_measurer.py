"""The pass over a clip: what metrics are shown, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from truth import grid, noisy, run, still, texture

from vidstyle.metrics.base import Mean, Motion, Sample
from vidstyle.metrics.frame_difference import FrameDifference
from vidstyle.metrics.measurer import Measurer
from vidstyle.metrics.temporal_loss import Long, Short
from vidstyle.metrics.warping_error import WarpingError

PICTURE = texture(grid(32, 40))
ZERO = Motion(torch.zeros(1, 2, 32, 40), torch.zeros(1, 2, 32, 40))


class Watching:
    """Remembers which frames it was shown; a frame's number is its value."""

    needs: frozenset[str] = frozenset({"motion"})
    latest: float | None = None

    def __init__(self, *intervals: int) -> None:
        self.intervals = intervals
        self.seen: list[tuple[int, dict[int, int], set[int]]] = []

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        numbers = {step: round(float(past[step].result.mean())) for step in self.intervals if step in past}
        self.seen.append((round(float(now.result.mean())), numbers, set(motion)))

    def result(self) -> float | None:
        return None


def numbered(count: int, cuts: tuple[int, ...] = ()) -> list[Sample]:
    pictures = [torch.full((1, 3, 4, 4), float(number)) for number in range(count)]
    return [Sample(picture, picture, is_cut=number in cuts) for number, picture in enumerate(pictures)]


def test_metrics_see_the_frames_their_intervals_back() -> None:
    metric = Watching(1, 3)
    measurer = Measurer({"ours": {"watching": metric}}, lambda *_: ZERO)
    for sample in numbered(5):
        measurer.add({"ours": sample})
    assert metric.seen == [
        (0, {}, set()),
        (1, {1: 0}, {1}),
        (2, {1: 1}, {1}),
        (3, {1: 2, 3: 0}, {1, 3}),
        (4, {1: 3, 3: 1}, {1, 3}),
    ]


def test_nothing_is_compared_across_a_cut() -> None:
    metric = Watching(1, 2)
    measurer = Measurer({"ours": {"watching": metric}}, lambda *_: ZERO)
    for sample in numbered(5, cuts=(2,)):
        measurer.add({"ours": sample})
    assert [numbers for _, numbers, _ in metric.seen] == [{}, {1: 0}, {}, {1: 2}, {1: 3, 2: 2}]


def test_motion_is_estimated_once_for_all_columns() -> None:
    asked: list[tuple[int, int, int]] = []

    def estimate(step: int, before: Sample, now: Sample) -> Motion:
        asked.append((step, round(float(before.content.mean())), round(float(now.content.mean()))))
        return ZERO

    measurer = Measurer({name: {"watching": Watching(1)} for name in ("a", "b")}, estimate)
    for sample in numbered(3):
        measurer.add({"a": sample, "b": sample})
    assert asked == [(1, 0, 1), (1, 1, 2)]


def test_every_third_frame_is_compared_with_the_frame_before_it() -> None:
    metric = Watching(1)
    measurer = Measurer({"ours": {"watching": metric}}, lambda *_: ZERO, every=3)
    for sample in numbered(8):
        measurer.add({"ours": sample})
    assert [(now, numbers) for now, numbers, _ in metric.seen] == [(0, {}), (3, {1: 2}), (6, {1: 5})]


def test_values_of_each_frame_are_given_as_it_comes() -> None:
    measurer = Measurer({"ours": {"warping_error": WarpingError()}}, lambda *_: ZERO)
    first = measurer.add({"ours": Sample(PICTURE, PICTURE)})
    second = measurer.add({"ours": Sample(PICTURE, PICTURE + 0.1)})
    assert first == {"ours": {"warping_error": None}}
    assert second["ours"]["warping_error"] == pytest.approx(0.01, rel=1e-4)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(2, 6))
def test_columns_have_the_values_that_each_would_have_alone(seed: int, count: int) -> None:
    sequence = still(PICTURE, count)
    columns = {name: noisy(sequence.frames, variance, seed) for name, variance in (("a", 0.01), ("b", 0.001))}
    measurer = Measurer(
        {name: {"error": WarpingError(), "difference": FrameDifference()} for name in columns},
        lambda *_: ZERO,
    )
    for index, content in enumerate(sequence.frames):
        measurer.add({name: Sample(content, results[index]) for name, results in columns.items()})
    for name, results in columns.items():
        values = measurer.results()[name]
        assert values["error"] == pytest.approx(run(WarpingError(), sequence, results), rel=1e-6)
        assert values["difference"] == pytest.approx(run(FrameDifference(), sequence, results), rel=1e-6)


def test_a_drift_shows_over_a_long_interval() -> None:
    """Brightness that creeps by 0.002 a frame: ten frames show ten times of it."""
    metrics = {"short": Short(), "long": Long()}
    measurer = Measurer({"ours": dict(metrics)}, lambda *_: ZERO)
    for index in range(14):
        measurer.add({"ours": Sample(PICTURE, PICTURE + 0.002 * index)})
    values = measurer.results()["ours"]
    assert values["short"] == pytest.approx(0.002, rel=1e-3)
    assert values["long"] == pytest.approx(0.02, rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=20), order=st.randoms(use_true_random=False))
def test_a_running_mean_does_not_depend_on_order(values: list[float], order: Random) -> None:
    shuffled, means = list(values), (Mean(), Mean())
    order.shuffle(shuffled)
    for mean, numbers in zip(means, (values, shuffled), strict=True):
        for number in numbers:
            mean.add(number)
    assert means[0].value == pytest.approx(means[1].value)
    assert means[0].value == pytest.approx(sum(values) / len(values))
