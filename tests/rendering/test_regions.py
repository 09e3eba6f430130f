"""Rectangles that cover what is needed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidstyle.engines.base import EngineInfo
from vidstyle.rendering.regions import Region, cover
from vidstyle.rendering.tiles import window_of


def covered(regions: list[Region], frame: tuple[int, int]) -> NDArray[np.bool_]:
    plane = np.zeros(frame, np.bool_)
    for region in regions:
        plane[region.slices] = True
    return plane


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_all_that_is_needed_is_covered(seed: int, spots: int) -> None:
    rng = np.random.default_rng(seed)
    frame = (int(rng.integers(200, 500)), int(rng.integers(200, 700)))
    need = np.zeros(frame, np.bool_)
    for _ in range(spots):
        top, left = int(rng.integers(0, frame[0])), int(rng.integers(0, frame[1]))
        need[top : top + 20, left : left + 20] = True
    small = need[::2, ::2]
    regions = cover(small, frame, halo=32)
    if regions is not None:
        y, x = np.nonzero(small)
        down = (y * frame[0] / small.shape[0]).astype(int)
        right = (x * frame[1] / small.shape[1]).astype(int)
        assert covered(regions, frame)[down, right].all()


def test_nothing_needed_is_no_region() -> None:
    assert cover(np.zeros((36, 64), np.bool_), (360, 640), halo=32) == []


def test_a_small_need_is_a_small_region() -> None:
    need = np.zeros((360, 640), np.bool_)
    need[100:110, 200:210] = True
    regions = cover(need, (360, 640), halo=32)
    assert regions is not None
    assert covered(regions, (360, 640)).mean() < 0.01


def test_neighbours_are_painted_together_and_strangers_apart() -> None:
    near, far = (np.zeros((360, 640), np.bool_) for _ in (0, 1))
    near[100:110, 100:110] = near[100:110, 150:160] = True
    far[10:20, 10:20] = far[300:310, 600:610] = True
    found = [cover(need, (360, 640), halo=32) for need in (near, far)]
    assert [len(regions) for regions in found if regions is not None] == [1, 2]


@pytest.mark.parametrize("share", [0.9, 1.0])
def test_much_needed_means_the_whole_frame(share: float) -> None:
    need = np.zeros((360, 640), np.bool_)
    need[: int(360 * share)] = True
    need[-1] = True
    assert cover(need, (360, 640), halo=32) is None


def test_many_specks_mean_the_whole_frame() -> None:
    need = np.zeros((360, 640), np.bool_)
    need[::40, ::40] = True
    assert cover(need, (360, 640), halo=32) is None


def test_margin_covers_the_surroundings_too() -> None:
    need = np.zeros((100, 100), np.bool_)
    need[50, 50] = True
    regions = cover(need, (400, 400), halo=8, margin=20)
    assert regions is not None
    assert covered(regions, (400, 400))[180:224, 180:224].all()


def test_grown_region_stays_in_the_frame_starts_at_multiples_and_is_not_too_small() -> None:
    assert Region(50, 3, 60, 20).grown(7, (100, 30), 4) == Region(40, 0, 67, 27)
    assert Region(95, 0, 100, 4).grown(0, (100, 30), 4, 16) == Region(84, 0, 100, 16)


def test_region_within_a_window_and_scaled_to_another_size() -> None:
    assert Region(10, 20, 30, 40).within(Region(8, 16, 40, 48)) == Region(2, 4, 22, 24)
    assert Region(0, 20, 50, 40).scaled((100, 100), (200, 300), 2) == Region(0, 66, 96, 114)
    assert Region(0, 0, 100, 100).scaled((100, 100), (200, 300), 2) == Region(0, 0, 200, 300)


def test_on_a_grid_a_region_starts_and_ends_at_multiples_or_at_the_border() -> None:
    assert Region(50, 3, 60, 20).grown(7, (200, 90), 4, 16, 32) == Region(32, 0, 96, 32)
    assert Region(150, 60, 190, 80).grown(7, (200, 90), 4, 16, 32) == Region(128, 32, 200, 90)


def test_large_windows_come_in_few_sizes_and_small_ones_cost_no_more_than_needed() -> None:
    info = EngineInfo("an engine", multiple=8)
    corners = [(top, left) for top in range(0, 160, 16) for left in range(0, 320, 16)]
    large = [Region(top, left, top + 150, left + 260) for top, left in corners]
    windows = [window_of(region, (360, 640), info, 40) for region in large]
    assert all(min(window.top, window.left) >= 0 for window in windows)
    assert all(window.bottom >= region.bottom + 40 for window, region in zip(windows, large, strict=True))
    plain = [region.grown(40, (360, 640), 8) for region in large]
    assert len({window.shape for window in windows}) < len({window.shape for window in plain})
    assert all(one.area <= 1.15 * other.area for one, other in zip(windows, plain, strict=True))
    small = Region(100, 200, 150, 250)
    assert window_of(small, (360, 640), info, 40) == small.grown(40, (360, 640), 8)
