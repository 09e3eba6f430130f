"""Measures of streaks, pops and drift against cases that were made to be seen."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from truth import noisy

from vidstyle.metrics.base import Metric, Motion, Sample
from vidstyle.metrics.drift import Drift
from vidstyle.metrics.measurer import Measurer
from vidstyle.metrics.pops import Pops
from vidstyle.metrics.streaks import Streaks

HEIGHT, WIDTH = 180, 320


def strokes(seed: int, across: float = 0.0) -> Tensor:
    """A picture (1, 3, H, W) of blotches in all directions, moved to the right by ``across`` px."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH + 64, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.8)
    picture = 0.5 + 0.14 * smooth / smooth.std()
    matrix = np.array([[1, 0, across - 32], [0, 1, 0]], np.float32)
    shifted = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
    return torch.from_numpy(np.clip(shifted, 0, 1)).permute(2, 0, 1)[None].contiguous()


PAINT = strokes(1)
CLIP = strokes(99) * 0.2 + 0.4
ZERO = Motion(torch.zeros(1, 2, HEIGHT, WIDTH), torch.zeros(1, 2, HEIGHT, WIDTH))


def measured(metric: Metric, results: Sequence[Tensor], baseline: Sequence[Tensor] | None = None) -> float:
    """The value over a still clip."""
    measurer = Measurer({"ours": {"metric": metric}}, lambda *_: ZERO)
    for index, result in enumerate(results):
        measurer.add({"ours": Sample(CLIP, result, baseline[index] if baseline is not None else PAINT)})
    value = measurer.results()["ours"]["metric"]
    assert value is not None
    return value


def patched(picture: Tensor, other: Tensor, share: float = 1.0) -> Tensor:
    """``picture`` with a patch of 60x60 px of ``other``."""
    mixed = picture.clone()
    window = (..., slice(40, 100), slice(100, 160))
    mixed[window] = picture[window] * (1 - share) + other[window] * share
    return mixed


def smeared(picture: Tensor, length: int) -> Tensor:
    """``picture`` with a quarter of it drawn out sideways."""
    if length < 2:
        return picture
    source = picture[0].permute(1, 2, 0).numpy()
    drawn = cv2.blur(source, (length, 1))
    result = source.copy()
    result[:90, :160] = drawn[:90, :160]
    return torch.from_numpy(result).permute(2, 0, 1)[None]


def test_a_patch_repainted_at_once_pops() -> None:
    after = patched(PAINT, strokes(2))
    share = 100 * 60 * 60 / (HEIGHT * WIDTH)
    assert measured(Pops(), [PAINT] * 3 + [after] * 3) == pytest.approx(share / 5, rel=0.3)


def test_a_patch_that_fades_in_does_not_pop() -> None:
    results = [patched(PAINT, strokes(2), share / 8) for share in range(9)]
    assert measured(Pops(), results) == 0


def test_grain_does_not_pop() -> None:
    assert measured(Pops(), noisy([PAINT] * 6, 0.02**2)) == 0


def test_each_frame_repainted_pops_all_over() -> None:
    assert measured(Pops(), [strokes(seed) for seed in range(4)]) > 80


def test_what_jumps_in_the_clip_too_does_not_pop() -> None:
    measurer = Measurer({"ours": {"pops": Pops()}}, lambda *_: ZERO)
    for index in range(6):
        frame = patched(CLIP, strokes(2)) if index >= 3 else CLIP
        measurer.add({"ours": Sample(frame, frame)})
    assert measurer.results()["ours"]["pops"] == 0


def test_a_smear_that_grows_is_a_streak_that_grows() -> None:
    values = [measured(Streaks(), [smeared(PAINT, length)]) for length in (1, 5, 9, 15, 25)]
    assert values[0] == 0
    assert values == sorted(values)
    assert values[-1] == pytest.approx(25, abs=6)  # a quarter of the texture


def test_blur_without_direction_is_no_streak() -> None:
    soft = torch.from_numpy(cv2.GaussianBlur(PAINT[0].permute(1, 2, 0).numpy(), (0, 0), 2))
    assert measured(Streaks(), [soft.permute(2, 0, 1)[None]]) < 8


def test_strokes_that_run_one_way_when_fresh_are_no_streaks() -> None:
    fresh = smeared(PAINT, 25)
    assert measured(Streaks(), [fresh], baseline=[fresh]) == 0
    other = smeared(strokes(3), 25)
    assert measured(Streaks(), [other], baseline=[fresh]) < 5


@pytest.mark.parametrize("speed", [0.0, 0.02, 0.05, 0.1])
def test_paint_that_slides_is_measured_in_px_a_frame(speed: float) -> None:
    results = [strokes(1, speed * index) for index in range(30)]
    assert measured(Drift(), results) == pytest.approx(speed, rel=0.15, abs=0.002)


def test_flicker_hides_no_drift_and_makes_little() -> None:
    sliding = noisy([strokes(1, 0.05 * index) for index in range(40)], 0.05**2)
    flickering = noisy([PAINT] * 40, 0.05**2, seed=1)
    assert measured(Drift(), sliding) == pytest.approx(0.05, rel=0.25)
    assert measured(Drift(), flickering) < 0.01


def test_a_clip_too_short_to_drift_has_no_value() -> None:
    measurer = Measurer({"ours": {"drift": Drift()}}, lambda *_: ZERO)
    for _ in range(10):
        measurer.add({"ours": Sample(CLIP, PAINT)})
    assert measurer.results()["ours"]["drift"] is None
