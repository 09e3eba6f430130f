"""Even ground lies still beside what moves; what has texture, and what moves as a whole, is not touched."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidstyle.flow import ground
from vidstyle.flow.dis import DIS, DISSettings

HEIGHT, WIDTH, STEP = 240, 400, 5


def disc(x: int, radius: int = 26) -> NDArray[np.bool_]:
    across, down = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return (across - x) ** 2 + (down - 120) ** 2 < radius**2


def scene(x: int) -> NDArray[np.uint8]:
    """A disc with a texture of its own at ``x`` on ground without any, but for a few pebbles far away."""
    random = np.random.default_rng(3)
    picture = np.full((HEIGHT, WIDTH), 150, np.uint8)
    for _ in range(60):
        picture[random.integers(8, HEIGHT), random.integers(4, WIDTH)] = 120
    texture = np.roll(cv2.GaussianBlur(random.random((HEIGHT, WIDTH)), (0, 0), 2), x, 1)
    return np.where(disc(x), 20 + 300 * np.clip(texture - 0.4, 0, 0.3), picture).astype(np.uint8)


def test_ground_ahead_of_a_moving_thing_does_not_move_with_it_and_the_thing_does() -> None:
    then, now = scene(200), scene(200 + STEP)
    dragged = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    dragged[disc(200 + STEP, 42), 0] = -STEP  # what a smooth flow says: the disc, and ground around it
    held = ground.held(now, then, dragged)
    ahead = disc(200 + STEP, 40) & ~disc(200 + STEP, 31)
    ahead[:, : 200 + STEP] = False
    assert np.linalg.norm(held[ahead], axis=1).mean() < 0.1 * STEP
    assert np.linalg.norm(held[disc(200 + STEP, 22)] - (-STEP, 0), axis=1).mean() < 0.1 * STEP


def test_a_search_is_nearer_to_the_truth_around_a_moving_thing_with_it() -> None:
    then, now = scene(200), scene(200 + STEP)
    truth = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    truth[disc(200 + STEP), 0] = -STEP
    around = disc(200 + STEP, 44) & ~(disc(200) & ~disc(200 + STEP))  # less what was hidden

    def error(settings: DISSettings) -> float:
        flow = DIS(settings).between(now, then)
        return float(np.linalg.norm(flow - truth, axis=2)[around].mean())

    assert error(DISSettings()) < 0.7 * error(DISSettings(is_grounded=False))


def test_a_picture_that_moves_as_a_whole_keeps_its_motion() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)
    motion = np.full((HEIGHT, WIDTH, 2), 3.0, np.float32)
    assert np.array_equal(ground.held(picture, np.roll(picture, 3, 1), motion), motion)


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (16, 16), (33, 31)], ids=str)
def test_any_size_will_do(size: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    now, then = (random.integers(0, 255, size).astype(np.uint8) for _ in range(2))
    motion = random.normal(0, 2, (*size, 2)).astype(np.float32)
    before = motion.copy()
    held = ground.held(now, then, motion)
    assert held.shape == motion.shape and np.isfinite(held).all()
    assert np.array_equal(motion, before)  # the caller's own
