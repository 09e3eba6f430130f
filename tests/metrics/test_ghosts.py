"""The measure of ghosts checked on paint that was left on purpose, and on paint that was not."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from disc import (
    DISC,
    GROUND,
    HEIGHT,
    WIDTH,
    blotches,
    color,
    inside,
    left_behind,
    measured,
    painted,
    passing_disc,
    smeared,
)
from torch import Tensor
from truth import Moving, still

from vidstyle.metrics.base import Motion, Sample, Setup
from vidstyle.metrics.ghosts import Ghosts
from vidstyle.metrics.oklab import oklab

COUNT = 14
SCENE = passing_disc(COUNT)
FRESH = painted(SCENE.frames)
GRASS = still(GROUND, COUNT)


def lasting(wrong: list[Tensor]) -> float:
    """The share, in %, of pixels that are ``wrong`` (1, 1, H, W) in 5 frames running, on a still ground."""
    age, shares = torch.zeros_like(wrong[0], dtype=torch.int), []
    for mask in wrong:
        age = (age + 1) * mask
        shares.append(100 * float((age >= 5).double().mean()))
    return sum(shares[4:]) / len(shares[4:])


@pytest.mark.parametrize("stays", [6, 12])
def test_a_disc_that_leaves_its_paint_on_grass_is_measured_in_percent(stays: int) -> None:
    left = left_behind(SCENE.frames, stays=stays)
    gone = [(one != other).any(1, keepdim=True) for one, other in zip(left, SCENE.frames, strict=True)]
    (found,) = measured(Ghosts(), SCENE, painted(left), baseline=FRESH)
    # cells are 2 px here; one more of them around may count
    assert lasting(gone) < found < lasting(gone) + 0.6


def test_paint_that_is_left_for_three_frames_is_hardly_counted() -> None:
    short, long = (
        measured(Ghosts(), SCENE, painted(left_behind(SCENE.frames, stays=stays)), baseline=FRESH)[0]
        for stays in (2, 12)
    )
    assert short < long / 4


@pytest.mark.parametrize("side", [8, 20, 40])
def test_a_white_patch_on_grass_is_measured_in_percent(side: int) -> None:
    patched = [frame.clone() for frame in GRASS.frames]
    for frame in patched[3:]:
        frame[..., 60 : 60 + side, 100 : 100 + side] = 0.9
    (found,) = measured(Ghosts(), GRASS, painted(patched), baseline=painted(GRASS.frames))
    lasts = 100 * (COUNT - 3 - 4) / (COUNT - 4)  # % of the frames, from the fifth on
    # cells are 2 px here; one more of them around may count
    assert lasts * side**2 < found * HEIGHT * WIDTH < lasts * (side + 4) ** 2


def title(index: int) -> Tensor:
    """(1, 1, H, W) of bool: letters of 2 px lines that scroll to the left by 3 px a frame."""
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(canvas, "TITLES & CREDITS", (50 - 3 * index, 100), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2)
    return torch.from_numpy(canvas > 0)[None, None]


def scrolling() -> Moving:
    wall = (color(0.75, 0.7, 0.6) + 0.03 * blotches(5)).clamp(0, 1)
    frames = [torch.where(title(n), color(0.15, 0.15, 0.2), wall) for n in range(COUNT)]
    step = torch.tensor([-3.0, 0.0]).view(1, 2, 1, 1)
    motions = [Motion(title(n) * step, title(n + 1) * -step) for n in range(COUNT - 1)]
    return Moving(frames, motions)


@pytest.mark.parametrize(
    ("spoil", "least"),
    [
        (lambda frames: left_behind(frames, stays=8, area=title), 4.0),
        (lambda frames: smeared(frames, 0.9), 0.6),
    ],
    ids=["left", "smeared"],
)
def test_smears_of_scrolling_text_are_ghosts(
    spoil: Callable[[list[Tensor]], list[Tensor]], least: float
) -> None:
    scene = scrolling()
    fresh = painted(scene.frames)
    assert measured(Ghosts(), scene, painted(spoil(scene.frames)), baseline=fresh)[0] > least
    assert measured(Ghosts(), scene, painted(scene.frames, strokes=9), baseline=fresh)[0] < 0.3


def test_frames_painted_alone_have_none() -> None:
    assert measured(Ghosts(), SCENE, FRESH, baseline=FRESH) == [0]


def test_old_strokes_on_the_right_things_are_none() -> None:
    kept = painted(SCENE.frames, strokes=7)
    assert measured(Ghosts(), SCENE, kept, baseline=FRESH)[0] < 0.3


def test_light_haze_of_a_few_frames_is_none() -> None:
    assert measured(Ghosts(), SCENE, smeared(FRESH, 0.5), baseline=FRESH)[0] < 0.1


def test_a_ghost_that_moves_with_a_pan_grows_as_old_as_one_that_stands() -> None:
    frames = [GROUND.roll(-6 * n, 3) for n in range(COUNT)]
    wrong = GROUND.clone()
    wrong[..., 60:90, 200:230] = DISC[..., 60:90, 200:230]
    step = torch.tensor([-6.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, HEIGHT, WIDTH)
    pan = Moving(frames, [Motion(step, -step)] * (COUNT - 1))
    shown = painted([wrong.roll(-6 * n, 3) for n in range(COUNT)])
    assert measured(Ghosts(), pan, shown, baseline=painted(frames)) == pytest.approx([1.56], rel=0.25)


def test_one_measured_in_three_frames_is_as_old_as_the_clip_says() -> None:
    results = painted(left_behind(SCENE.frames, stays=12))
    each = measured(Ghosts(), SCENE, results, baseline=FRESH)
    metric, zero = Ghosts(Setup(every=3)), SCENE.motions[0].backward * 0
    for n in range(0, COUNT, 3):
        moved = SCENE.motions[n - 1] if n else Motion(zero, zero)
        metric.add(Sample(SCENE.frames[n], results[n], FRESH[n]), {}, {1: moved} if n else {})
    assert metric.result() == pytest.approx(each[0], rel=0.35)


def test_a_cut_ends_what_was_counted() -> None:
    metric = Ghosts()
    left = torch.where(inside(0), painted([DISC])[0], painted([GROUND])[0])
    zero = SCENE.motions[0].backward * 0
    values = []
    for n in range(12):
        sample = Sample(GROUND, left, painted([GROUND])[0])
        metric.add(sample, {}, {} if n in (0, 6) else {1: Motion(zero, zero)})
        values.append(metric.latest is not None and metric.latest > 1)
    assert values == [False] * 4 + [True] * 2 + [False] * 4 + [True] * 2


def test_oklab_gives_its_authors_figures() -> None:
    red = oklab(color(1, 0, 0)).flatten()
    assert red.tolist() == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)
    white = oklab(color(1, 1, 1)).flatten()
    assert white.tolist() == pytest.approx([1, 0, 0], abs=1e-3)
