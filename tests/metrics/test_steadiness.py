"""Metrics of flicker checked against sequences whose true values are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from truth import (
    CURVATURE,
    Moving,
    affine,
    blurred,
    grid,
    noisy,
    passing,
    run,
    shifted,
    still,
    texture,
)

from vidstyle.metrics.base import Metric, Motion, occluded
from vidstyle.metrics.flicker_reduction import FlickerReduction
from vidstyle.metrics.frame_difference import FrameDifference
from vidstyle.metrics.sharpness import Sharpness, laplacian_variance
from vidstyle.metrics.temporal_loss import Short
from vidstyle.metrics.warping_error import WarpingError

PICTURE = texture(grid(96, 128))


def inner(sequence: Moving, border: int = 12) -> Moving:
    """``sequence`` with its motion made untrustworthy near the border, where a pan shows what was not there.

    Lai's rule does not call leaving the frame an occlusion, so that truth ends there.
    """
    forward, backward = sequence.motions[0].forward.clone(), sequence.motions[0].backward.clone()
    for flow in (forward, backward):
        flow[..., :border] = flow[..., -border:] = 1000
        flow[..., :border, :] = flow[..., -border:, :] = 1000
    return Moving(sequence.frames, [Motion(forward, backward)] * len(sequence.motions))


@pytest.mark.parametrize(("across", "down"), [(0, 0), (3, 0), (-2, 5), (7, -4)])
def test_whole_pixel_motion_that_is_followed_has_no_error(across: int, down: int) -> None:
    sequence = inner(shifted(across, down))
    assert run(WarpingError(), sequence) == pytest.approx(0, abs=1e-9)
    assert run(FrameDifference(), sequence) == pytest.approx(0, abs=1e-3)
    assert run(Short(), sequence) == pytest.approx(0, abs=3e-5)


@pytest.mark.parametrize(
    "sequence",
    [
        shifted(0.5, 0.5),
        shifted(1.3, -2.6),
        affine(1.01, 0),
        affine(0.99, 0),
        affine(1, 1),
        affine(1.005, -0.7),
    ],
)
def test_finer_motion_stays_below_the_bound_of_bilinear_interpolation(sequence: Moving) -> None:
    error = run(WarpingError(), inner(sequence))
    assert error is not None
    # a(1 - a)/2 · |g_xx| + b(1 - b)/2 · |g_yy| with a = b = 1/2
    assert 0 < error < (CURVATURE / 8) ** 2


@settings(max_examples=15, deadline=None)
@given(variance=st.floats(1e-4, 0.02), across=st.integers(-4, 4), down=st.integers(-4, 4))
def test_noise_of_variance_v_adds_2v_where_motion_is_whole(variance: float, across: int, down: int) -> None:
    sequence = inner(shifted(across, down))
    error = run(WarpingError(), sequence, noisy(sequence.frames, variance))
    assert error == pytest.approx(2 * variance, rel=0.03)


@settings(max_examples=15, deadline=None)
@given(across=st.floats(-3, 3), down=st.floats(-3, 3))
def test_noise_adds_what_interpolation_leaves_of_it_elsewhere(across: float, down: float) -> None:
    variance = 0.01
    flat = still(torch.full((1, 3, 96, 128), 0.5), 3)
    sequence = inner(Moving(flat.frames, shifted(across, down).motions))
    a, b = across % 1, down % 1
    weights = ((1 - a) ** 2 + a**2) * ((1 - b) ** 2 + b**2)
    error = run(WarpingError(), sequence, noisy(sequence.frames, variance))
    assert error == pytest.approx(variance * (1 + weights), rel=0.04)


def test_noise_has_the_mean_absolute_difference_of_a_gaussian() -> None:
    sequence = still(PICTURE, 4)
    value = run(FrameDifference(), sequence, noisy(sequence.frames, 0.01))
    assert value == pytest.approx(100 * 2 * math.sqrt(0.01 / math.pi), rel=0.02)


@pytest.mark.parametrize("amplitude", [0.01, 0.05])
def test_a_flicker_of_brightness_has_its_closed_form(amplitude: float) -> None:
    sequence = still(PICTURE, 6)
    results = [frame + amplitude * (-1) ** index for index, frame in enumerate(sequence.frames)]
    assert run(WarpingError(), sequence, results) == pytest.approx(4 * amplitude**2, rel=1e-4)
    assert run(FrameDifference(), sequence, results) == pytest.approx(200 * amplitude, rel=1e-4)
    assert run(Short(), sequence, results) == pytest.approx(2 * amplitude, rel=1e-4)


def test_a_slow_swell_of_brightness_has_its_closed_form() -> None:
    amplitude, period = 0.1, 12
    sequence = still(PICTURE, period + 1)
    results = [
        frame + amplitude * math.sin(2 * math.pi * index / period)
        for index, frame in enumerate(sequence.frames)
    ]
    # mean over a period of (a sin(φ + δ) - a sin φ)² = 2 a² sin²(δ / 2)
    expected = 2 * amplitude**2 * math.sin(math.pi / period) ** 2
    assert run(WarpingError(), sequence, results) == pytest.approx(expected, rel=1e-3)


def test_blur_lowers_the_error_and_sharpness_says_so() -> None:
    sequence = still(PICTURE, 4)
    rough = noisy(sequence.frames, 0.01)
    soft = [blurred(frame) for frame in rough]
    before, after = (run(WarpingError(), sequence, results) for results in (rough, soft))
    sharpness = run(Sharpness(), sequence, soft, baseline=rough)
    assert before is not None and after is not None and sharpness is not None
    assert after < 0.2 * before
    assert sharpness < 0.1


def test_the_mask_is_the_true_occlusion_and_a_line_along_moving_edges() -> None:
    scene = passing()
    mask = ~scene.motions[0].valid[0, 0]
    assert mask[scene.hidden].all()  # nothing that is hidden is counted
    edge = torch.zeros_like(scene.square)
    edge[:, :-1] |= scene.square[:, 1:] != scene.square[:, :-1]
    edge[:-1] |= scene.square[1:] != scene.square[:-1]
    assert torch.equal(mask, scene.hidden | edge)
    assert (mask & scene.hidden).sum() / (mask | scene.hidden).sum() > 0.6


def test_a_thing_that_passes_a_ground_leaves_no_error() -> None:
    scene = passing()
    assert run(WarpingError(), scene) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("speed", [0.0, 10.0])
@pytest.mark.parametrize("past", [False, True])
def test_the_limit_of_motion_edges_is_lais(speed: float, past: bool) -> None:
    """|∇u|² + |∇v|² > 0.01 |w|² + 0.002, with forward differences."""
    limit = math.sqrt(0.01 * speed**2 + 0.002)
    flow = torch.zeros(1, 2, 9, 9)
    flow[:, 0] = speed
    flow[:, 1, :, 5:] = limit * (1.01 if past else 0.99)
    marked = occluded(flow, -flow)[0, 0]
    assert bool(marked[4, 4]) is past
    assert marked.sum() == (9 if past else 0)


@pytest.mark.parametrize("speed", [0.0, 20.0])
@pytest.mark.parametrize("past", [False, True])
def test_the_limit_of_disagreement_is_lais(speed: float, past: bool) -> None:
    """|w + r|² > 0.01 (|w|² + |r|²) + 0.5."""
    flow = torch.zeros(1, 2, 9, 9)
    flow[:, 0] = speed
    # with r = -w + d across: d² = 0.01 (w² + (w - d)²) + 0.5, solved for d
    a, b, c = 0.99, 0.02 * speed, -(0.02 * speed**2 + 0.5)
    limit = (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)
    reverse = -flow
    reverse[:, 0] += limit * (1.01 if past else 0.99)
    assert bool(occluded(flow, reverse).all()) is past
    assert bool(occluded(flow, reverse).any()) is past


def test_what_comes_into_sight_does_not_count_in_the_frame_difference() -> None:
    scene = passing()
    assert run(FrameDifference(), scene) == pytest.approx(0, abs=1e-4)


def test_what_is_hidden_would_have_been_an_error() -> None:
    scene = passing()
    trusting = Motion(scene.motions[0].forward, -scene.motions[0].forward)
    assert trusting.valid.float().mean() > 0.9
    seen = run(WarpingError(), Moving(scene.frames, [trusting]))
    assert seen is not None and seen > 1e-3


def test_masked_pixels_count_as_perfect_in_the_temporal_loss_only() -> None:
    scene = passing()
    results = noisy(scene.frames, 0.01)
    share = scene.motions[0].valid.float().mean().item()
    error, loss = run(WarpingError(), scene, results), run(Short(), scene, results)
    assert error is not None and loss is not None
    assert loss**2 == pytest.approx(error * share, rel=1e-4)


def test_pixels_that_leave_the_frame_do_not_count_in_the_temporal_loss() -> None:
    sequence = shifted(9, 0)
    assert run(Short(), sequence) == pytest.approx(0, abs=3e-5)
    error = run(WarpingError(), sequence)
    assert error is not None and error > 1e-4  # Lai's counts them


def test_a_pair_across_a_cut_does_not_count() -> None:
    sequence = still(PICTURE, 4)
    results = [PICTURE, PICTURE, 1 - PICTURE, 1 - PICTURE]
    assert run(WarpingError(), sequence, results, cuts=[2]) == pytest.approx(0, abs=1e-12)
    error = run(WarpingError(), sequence, results)
    assert error is not None and error > 0.001


def test_nothing_to_compare_has_no_value() -> None:
    assert run(WarpingError(), still(PICTURE, 1)) is None
    assert run(FrameDifference(), still(PICTURE, 1)) is None
    assert run(Short(), still(PICTURE, 1)) is None
    assert run(FlickerReduction(), still(PICTURE, 1), baseline=[PICTURE]) is None


def test_a_pair_without_a_valid_pixel_is_left_out() -> None:
    lost = torch.full((1, 2, 96, 128), 50.0)
    sequence = Moving([PICTURE, 1 - PICTURE], [Motion(lost, lost)])
    assert not sequence.motions[0].valid.any()
    assert run(WarpingError(), sequence) is None


def test_flicker_reduction_is_the_ratio_of_the_errors() -> None:
    sequence = still(PICTURE, 5)
    baseline, ours = noisy(sequence.frames, 0.02, seed=1), noisy(sequence.frames, 0.005, seed=2)
    assert run(FlickerReduction(), sequence, ours, baseline=baseline) == pytest.approx(4, rel=0.03)


def test_sharpness_of_the_same_pictures_is_one() -> None:
    sequence = still(PICTURE, 3)
    assert run(Sharpness(), sequence, baseline=sequence.frames) == pytest.approx(1)


def test_the_laplacian_of_white_noise_has_twenty_times_its_variance() -> None:
    grey = 0.1 * torch.randn(1, 1, 200, 300, generator=torch.Generator().manual_seed(0))
    # 4² + 4 · 1²
    assert laplacian_variance(grey.expand(1, 3, -1, -1)) == pytest.approx(20 * 0.01, rel=0.02)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations([0, 1, 2]), seed=st.integers(0, 100))
def test_the_order_of_the_channels_does_not_matter(order: list[int], seed: int) -> None:
    sequence = inner(shifted(2, 1))
    results = noisy(sequence.frames, 0.01, seed)
    turned = [frame[:, order] for frame in results]
    metrics: list[Callable[[], Metric]] = [WarpingError, FrameDifference]
    for metric in metrics:
        assert run(metric(), sequence, turned) == pytest.approx(run(metric(), sequence, results), rel=1e-5)


@settings(max_examples=10, deadline=None)
@given(factor=st.integers(2, 3), seed=st.integers(0, 100))
def test_the_size_of_a_still_does_not_matter(factor: int, seed: int) -> None:
    small = still(PICTURE[..., :48, :64], 3)
    results = noisy(small.frames, 0.01, seed)

    def large(picture: torch.Tensor) -> torch.Tensor:
        return picture.repeat_interleave(factor, 2).repeat_interleave(factor, 3)

    grown = still(large(small.frames[0]), 3)
    metrics: list[Callable[[], Metric]] = [WarpingError, FrameDifference]
    for metric in metrics:
        expected = run(metric(), small, results)
        assert run(metric(), grown, [large(result) for result in results]) == pytest.approx(
            expected, rel=1e-5
        )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100))
def test_the_direction_of_time_does_not_matter_to_a_still(seed: int) -> None:
    sequence = still(PICTURE, 4)
    results = noisy(sequence.frames, 0.01, seed)
    metrics: list[Callable[[], Metric]] = [WarpingError, FrameDifference]
    for metric in metrics:
        assert run(metric(), sequence, results[::-1]) == pytest.approx(
            run(metric(), sequence, results), rel=1e-5
        )
