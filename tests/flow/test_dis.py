"""DIS: which way and how far things moved, at any size; and the facts that all flow estimators share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.flow.base import FlowEstimator
from vidstyle.flow.dis import DIS, DISSettings, levelled
from vidstyle.flow.warp import warp
from vidstyle.registry import FLOWS

BUNDLED = [name for name in FLOWS if name != "raft-large"]  # whose weights are a file of the user's


def texture(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """(H, W, 3) in [0, 1]: noise of two sizes, so that motion is seen everywhere."""
    noise = np.random.default_rng(seed)
    coarse, fine = (
        cv2.GaussianBlur(noise.random((height, width, 3)), (0, 0), sigma) - 0.5 for sigma in (4, 1.5)
    )
    mixed = coarse / coarse.std() + fine / fine.std()
    return np.asarray(0.5 + mixed.clip(-3, 3) / 6, np.float32)


def shifted(height: int, width: int, dx: float, dy: float) -> tuple[Tensor, Tensor]:
    """Two pictures (1, 3, H, W): what lies at (x, y) in the first lies at (x + dx, y + dy) in the second."""
    large = texture(height + 40, width + 40)
    # pixels beyond the edges are there too: nothing is uncovered
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    other = cv2.warpAffine(large, move, large.shape[1::-1], flags=cv2.INTER_CUBIC).clip(0, 1)
    first, second = (
        torch.from_numpy(each[20:-20, 20:-20].copy()).permute(2, 0, 1)[None] for each in (large, other)
    )
    return first, second


def grey(picture: Tensor) -> NDArray[np.uint8]:
    return np.asarray(np.rint(picture[0].mean(0).numpy() * 255), np.uint8)


def middle(flow: Tensor, margin: int = 12) -> tuple[float, float]:
    """The median motion away from the edges."""
    inner = flow[0, :, margin:-margin, margin:-margin].flatten(1)
    return tuple(inner.median(1).values.tolist())


@cache
def estimator(name: str) -> FlowEstimator:
    made: FlowEstimator = FLOWS.load(name)()
    return made


# All estimators (see test_flow_contract, too) ------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLED)
def test_a_target_moved_back_along_the_motion_is_the_source(name: str) -> None:
    source, target = shifted(128, 144, 4, -3)
    back, inside = warp(target, estimator(name)(source, target))
    before = (target - source).abs().mean()
    assert (back - source).abs().masked_select(inside).mean() < 0.25 * before


# DIS -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [(0.5, 0.0), (0.0, -1.5), (2.25, 0.75), (-9.0, 7.0)])
def test_parts_of_a_pixel_and_long_ways_are_found(shift: tuple[float, float]) -> None:
    assert middle(DIS()(*shifted(160, 200, *shift)), 24) == pytest.approx(shift, abs=0.1)


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_every_preset_finds_the_way(preset: str) -> None:
    plain = DISSettings(preset=preset, alpha=None, iterations=None, finest_scale=None)
    assert middle(DIS(plain)(*shifted(96, 128, 3, -2))) == pytest.approx((3, -2), abs=0.3)


def test_more_smoothness_makes_motion_smoother() -> None:
    source, target = shifted(96, 128, 2, 1)
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(0))
    target = (target + 0.05 * noise).clamp(0, 1)

    def roughness(alpha: float) -> float:
        flow: Any = DIS(DISSettings(alpha=alpha))(source, target)
        return float(flow.diff(dim=3).abs().mean())

    assert roughness(200) < 0.8 * roughness(5)


@pytest.mark.parametrize("change", [{"alpha": 20.0}, {"iterations": 1}, {"finest_scale": 3}], ids=str)
def test_every_setting_counts(change: dict[str, Any]) -> None:
    pair = shifted(96, 128, 1.6, 0.4)
    assert not torch.equal(DIS(replace(DISSettings(), **change))(*pair), DIS()(*pair))


@pytest.mark.parametrize("size", [(8, 8), (8, 90), (31, 17), (32, 33)], ids=str)
def test_small_frames_are_padded_and_cropped(size: tuple[int, int]) -> None:
    source, target = shifted(*size, 1, 0)
    flow = DIS().between(grey(source), grey(target))
    assert flow.shape == (*size, 2) and flow.dtype == np.float32
    assert np.isfinite(flow).all()
    assert np.median(flow[..., 0]) == pytest.approx(1, abs=0.5)
    assert np.median(flow[..., 1]) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (8, 8), (64, 96)], ids=str)
def test_equal_frames_have_no_motion_at_all(size: tuple[int, int]) -> None:
    picture = grey(shifted(*size, 0, 0)[0])
    assert np.abs(DIS().between(picture, picture)).max() < 1e-3


def test_tensors_and_grey_pictures_give_the_same() -> None:
    source, target = (
        picture.mean(1, keepdim=True).expand(-1, 3, -1, -1) for picture in shifted(48, 64, 2, 1)
    )
    there = DIS().between(grey(source), grey(target))
    assert np.array_equal(DIS()(source, target)[0].permute(1, 2, 0).numpy(), there)


def test_a_batch_equals_its_pairs() -> None:
    pairs = [shifted(40, 56, 2, 1), shifted(40, 56, -1, 3)]
    source, target = (torch.cat(each) for each in zip(*pairs, strict=True))
    singles = torch.cat([DIS()(*pair) for pair in pairs])
    assert torch.equal(DIS()(source, target), singles)


def test_nothing_is_kept_between_calls() -> None:
    dis = DIS()
    first, other = shifted(64, 80, 2, 1), shifted(64, 80, -6, 4)
    before = dis(*first)
    dis(*other)
    assert torch.equal(dis(*first), before)


def test_threads_may_share_an_estimator() -> None:
    dis = DIS()
    pairs = [shifted(64, 80, dx, 1) for dx in (-4, -2, 2, 4)]
    alone = [dis(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: dis(*pair), pairs * 4))
    assert all(torch.equal(flow, alone[index % 4]) for index, flow in enumerate(together))


def test_a_dim_half_is_searched_with_the_contrast_of_the_bright_half() -> None:
    picture = grey(shifted(96, 160, 0, 0)[0]).astype(np.float32)
    picture[:, 80:] = 60 + 0.15 * picture[:, 80:]
    even = levelled(np.rint(picture).astype(np.uint8))
    bright, dim = (float(half.std()) for half in (even[:, 8:64], even[:, 96:-8]))
    assert dim > 0.35 * bright  # of 0.15


@pytest.mark.parametrize(("shift", "is_fast"), [(1, False), (12, True)])
def test_contrast_is_levelled_only_where_motion_is_fast(shift: int, is_fast: bool) -> None:
    source, target = (grey(each) for each in shifted(96, 160, shift, 0))
    plain = DIS(DISSettings(is_levelled=False)).between(source, target)
    assert np.array_equal(DIS().between(source, target), plain) is not is_fast


def test_an_even_picture_stays_even_when_contrast_is_levelled() -> None:
    even = np.full((40, 64), 90, np.uint8)
    even[::2] += 1  # grain of one level
    assert np.ptp(levelled(even)) <= 8


def test_a_fitting_guess_is_where_the_search_begins_and_a_worse_one_is_ignored() -> None:
    source, target = (grey(each) for each in shifted(96, 160, 26, 0))
    guess = np.zeros((96, 160, 2), np.float32)
    guess[..., 0] = 26
    before = guess.copy()

    def error(flow: NDArray[np.float32]) -> float:
        return float(np.linalg.norm(flow[16:-16, 32:-32] - (26, 0), axis=2).mean())

    assert error(DIS().between(source, target, guess)) < 0.3 < error(DIS().between(source, target))
    assert np.array_equal(guess, before)  # the caller's own
    near, other = (grey(each) for each in shifted(96, 160, 1, 0))
    plain = DIS(DISSettings(is_levelled=False))
    assert np.array_equal(plain.between(near, other, guess), plain.between(near, other))


def test_blurred_ground_takes_its_motion_from_around_where_the_picture_moves_fast() -> None:
    worst = []
    for seed in range(6):
        large, noise = texture(200, 340, seed)[..., 0], np.random.default_rng(1)
        large[60:140, 140:230] = 0.5  # snow
        large = np.asarray(cv2.blur(large, (48, 1)), np.float32)
        # what lies at x is found 22 px to the right and 4 px higher
        views = (large[20:180, 60:280], large[24:184, 38:258])
        source, target = (
            np.rint((view + 0.03 * noise.standard_normal(view.shape)).clip(0, 1) * 255).astype(np.uint8)
            for view in views
        )
        errors = np.linalg.norm(DIS().between(source, target) - (22, -4), axis=2)
        worst.append(np.quantile(errors[16:-16, 40:-40], 0.95))
    assert np.mean(worst) < 0.52  # px; 0.58 with the refinement that slow pictures get


def test_settings_beyond_those_of_fast_pictures_count_in_fast_pictures_too() -> None:
    source, target = (grey(each) for each in shifted(96, 160, 12, 0))
    plain = DIS().between(source, target)
    assert not np.array_equal(DIS(DISSettings(alpha=900.0)).between(source, target), plain)
    assert not np.array_equal(DIS(DISSettings(iterations=60)).between(source, target), plain)
