"""The paint map on made scenes."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import change, flickering, ground, sharpness, shot, view

from vidstyle.errors import OptionError
from vidstyle.frames import Pixels
from vidstyle.temporal.paint_map.paint_map import PaintMap
from vidstyle.temporal.paint_map.settings import MapLayout

HEIGHT, WIDTH = 96, 160
GROUND = ground(3 * HEIGHT, 3 * WIDTH)


def at(x: float, y: float, zoom: float = 1.0) -> Pixels:
    return shot(view(GROUND, 240 + x, 144 + y, zoom, HEIGHT, WIDTH))


def through(
    paint_map: PaintMap, contents: list[Pixels], paintings: list[Pixels]
) -> tuple[list[Pixels], list[float]]:
    results, shares = [], []
    for content, painting in zip(contents, paintings, strict=True):
        shares.append(paint_map.plan(content).share)
        results.append(paint_map.settle(painting))
    return results, shares


def test_strokes_on_a_noisy_still_stay_as_they_were_first_painted() -> None:
    contents = [shot(view(GROUND, 240, 144, 1, HEIGHT, WIDTH), noise=4, seed=i) for i in range(12)]
    paintings = [flickering(content, seed=i) for i, content in enumerate(contents)]
    results, shares = through(PaintMap(), contents, paintings)
    assert max(shares[1:]) < 0.02
    assert change(results[-1], results[-2]) < 0.1 * change(paintings[-1], paintings[-2])
    assert sharpness(results[-1]) > 0.95 * sharpness(paintings[0])


def test_strokes_move_with_the_picture_in_a_pan() -> None:
    contents = [at(2 * i, i) for i in range(8)]
    paintings = [flickering(content, seed=i) for i, content in enumerate(contents)]
    results, _ = through(PaintMap(), contents, paintings)
    inner = slice(24, -24)
    moved = np.roll(results[-1], (1, 2), (0, 1))[inner, inner]
    still_alone = np.roll(paintings[-1], (1, 2), (0, 1))[inner, inner]
    steady = change(moved, results[-2][inner, inner])
    assert steady < 0.25 * change(still_alone, paintings[-2][inner, inner])
    assert sharpness(results[-1]) > 0.8 * sharpness(paintings[-1])


def test_what_comes_into_the_picture_is_fresh_paint() -> None:
    contents = [at(12 * i, 0) for i in range(3)]
    paintings = [flickering(content, seed=i) for i, content in enumerate(contents)]
    results, shares = through(PaintMap(), contents, paintings)
    assert 0.05 < shares[-1] < 0.4
    entered = slice(-8, None)
    assert change(results[-1][:, entered], paintings[-1][:, entered]) < 4


def test_uncovered_ground_is_painted_anew_and_not_smeared() -> None:
    still = view(GROUND, 240, 144, 1, HEIGHT, WIDTH)
    contents = []
    for i in range(10):
        scene = still.copy()
        scene[30:66, 20 + 8 * i : 56 + 8 * i] = (240, 20, 30)
        contents.append(shot(scene))
    paintings = [flickering(content, seed=i) for i, content in enumerate(contents)]
    results, _ = through(PaintMap(), contents, paintings)
    # where the square was three frames ago its paint (its colour turned) must be gone
    uncovered = (slice(36, 60), slice(24 + 8 * 5, 20 + 8 * 8))
    wrong = np.abs(results[-1][uncovered].astype(float).mean((0, 1)) - (15, 235, 225)).mean()
    right = np.abs(results[-1][uncovered].astype(float).mean((0, 1)) - paintings[-1][uncovered].mean((0, 1)))
    assert right.mean() < 12
    assert wrong > 40


def test_the_outline_of_a_moving_thing_is_not_left_behind_in_stripes() -> None:
    contents: list[Pixels] = []
    paintings: list[Pixels] = []
    pebbles = np.random.default_rng(2).random((180, 320, 1)) < 0.01
    for i in range(46):
        scene = np.where(pebbles, 120, 150).astype(np.uint8).repeat(3, 2)
        scene[40:140, 30 + 4 * i : 60 + 4 * i] = GROUND[:100, :30].astype(np.uint8)
        contents.append(scene)
        painting = np.full((180, 320, 3), 200, np.uint8)
        painting[36:144, 24 + 4 * i : 66 + 4 * i] = (90, 0, 120)  # engines draw outlines wider than things
        painting[40:140, 30 + 4 * i : 60 + 4 * i] = (20, 20, 60)
        paintings.append(painting)
    paint_map = PaintMap()
    for content, fresh in zip(contents, paintings, strict=True):
        result = paint_map.settle(fresh, paint_map.plan(content).mask)
    behind = result[60:120, 40 : 30 + 4 * 45 - 16].astype(float)
    assert np.ptp(behind.mean((0, 2))) < 12


@pytest.mark.parametrize("painted", [np.zeros((8, 9, 3), np.uint8), np.zeros((HEIGHT, WIDTH, 1), np.uint8)])
def test_a_painting_of_another_shape_is_refused_in_one_line(painted: Pixels) -> None:
    paint_map = PaintMap()
    paint_map.plan(at(0, 0))
    with pytest.raises(OptionError, match="size and depth of its frame"):
        paint_map.settle(painted)
    with pytest.raises(OptionError, match="uint16"):
        paint_map.settle(at(0, 0).astype(np.uint16))
    assert np.array_equal(paint_map.settle(at(0, 0)), at(0, 0))  # nothing is lost


def test_an_equal_frame_needs_nothing_and_gives_the_same_bytes() -> None:
    paint_map = PaintMap()
    content = at(0, 0)
    paint_map.plan(content)
    first = paint_map.settle(flickering(content, 0))
    need = paint_map.plan(content.copy())
    assert need.share == 0 and not np.any(need.mask)
    assert np.array_equal(paint_map.settle(flickering(content, 1)), first)


def test_paint_where_none_is_needed_is_not_looked_at() -> None:
    contents = [at(6 * i, 0) for i in range(4)]
    whole, partial = PaintMap(), PaintMap()
    for i, content in enumerate(contents):
        painting = flickering(content, i)
        need = partial.plan(content)
        whole.plan(content)
        valid = np.kron(need.mask, np.ones((2, 2), np.bool_))[:HEIGHT, :WIDTH]
        if need.mask.shape == (HEIGHT, WIDTH):
            valid = np.asarray(need.mask)
        valid = valid if i else np.ones((HEIGHT, WIDTH), np.bool_)
        poisoned = np.where(valid[..., None], painting, np.uint8(0))
        left = partial.settle(poisoned, valid)
        right = partial_reference(whole, painting, valid)
        assert change(left, right) < 0.01


def partial_reference(paint_map: PaintMap, painting: Pixels, valid: np.ndarray) -> Pixels:
    settled: Pixels = paint_map.settle(painting, valid)
    return settled


def test_sixteen_bits_stay_sixteen() -> None:
    contents = [at(i, 0) for i in range(4)]
    paintings = [flickering(content, i) for i, content in enumerate(contents)]
    eight, _ = through(PaintMap(), contents, paintings)
    deep, _ = through(
        PaintMap(),
        [content.astype(np.uint16) * 257 for content in contents],
        [painting.astype(np.uint16) * 257 for painting in paintings],
    )
    assert deep[-1].dtype == np.uint16
    assert change((deep[-1] >> 8).astype(np.uint8), eight[-1]) < 2


@pytest.mark.parametrize(("height", "width"), [(16, 16), (37, 53), (17, 200), (181, 35)])
def test_any_size_is_taken(height: int, width: int) -> None:
    contents = [shot(view(GROUND, 240 + i, 144, 1, height, width)) for i in range(4)]
    paintings = [flickering(content, i) for i, content in enumerate(contents)]
    results, _ = through(PaintMap(), contents, paintings)
    assert results[-1].shape == (height, width, 3)
    assert change(results[-1], paintings[-1]) < 40


def test_a_change_of_style_reaches_every_place() -> None:
    content = at(0, 0)
    paint_map = PaintMap()
    paint_map.plan(content)
    paint_map.settle(np.full_like(content, 40))
    for _ in range(40):
        paint_map.plan(content, renew=1 / 30)
        result = paint_map.settle(np.full_like(content, 200))
    assert result.min() > 190


def test_less_stability_paints_more_anew() -> None:
    contents = [at(0.4 * i, 0) for i in range(10)]
    paintings = [flickering(content, i) for i, content in enumerate(contents)]
    shares = [
        float(np.mean(through(PaintMap(stability=stability), contents, paintings)[1][1:]))
        for stability in (1.0, 0.7, 0.3)
    ]
    assert shares[0] < shares[1] < shares[2]


def test_the_same_frames_give_the_same_bytes() -> None:
    contents = [at(1.3 * i, 0.6 * i) for i in range(6)]
    paintings = [flickering(content, i) for i, content in enumerate(contents)]
    one, _ = through(PaintMap(), contents, paintings)
    other, _ = through(PaintMap(), contents, paintings)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


SHAPES = [
    (360, 640),
    (1080, 1920),
    (2160, 3840),
    (4320, 7680),
    (100, 16_400),
    (9000, 100),
    (8190, 40),
    (40, 15_990),
]


@pytest.mark.parametrize("frame", SHAPES)
def test_results_that_are_kept_fit_in_memory_and_under_the_limits_of_sampling(frame: tuple[int, int]) -> None:
    layout = MapLayout.of(frame, sample_bytes=1, flow_size=None, slots=64)
    assert layout.slots >= 2
    assert layout.slots * layout.upsampling**2 * frame[0] * frame[1] * 3 <= 420e6
    assert layout.slots * (layout.upsampling * frame[0] + 8) < 32_767
    assert layout.upsampling * frame[1] < 32_767


def test_frames_of_another_size_or_depth_are_refused_in_one_line() -> None:
    paint_map = PaintMap()
    paint_map.plan(at(0, 0))
    paint_map.settle(at(0, 0))
    with pytest.raises(OptionError, match="160x96 uint8 so far; got 80x48 uint8"):
        paint_map.plan(np.zeros((48, 80, 3), np.uint8))
    with pytest.raises(OptionError, match="160x96 uint8 so far; got 160x96 uint16"):
        paint_map.plan(at(0, 0).astype(np.uint16))


def test_settling_before_planning_is_refused() -> None:
    with pytest.raises(OptionError, match="plan the frame first"):
        PaintMap().settle(at(0, 0))


@pytest.mark.parametrize("stability", [0.0, -1.0, 1.2, float("nan")])
def test_a_stability_out_of_range_is_refused(stability: float) -> None:
    with pytest.raises(OptionError, match="stability"):
        PaintMap(stability=stability)
