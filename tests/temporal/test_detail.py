"""Detail: small things that a painting lost come back, and nothing else does."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidstyle.errors import OptionError
from vidstyle.frames import Pixels
from vidstyle.options import DetailOptions
from vidstyle.temporal.compositing import composite_frame, compositor
from vidstyle.temporal.detail import restored

HEIGHT, WIDTH = 180, 320
ROPE = (slice(20, 150), slice(159, 161))
PILOT = (slice(60, 68), slice(240, 245))
WALKER = (slice(120, 130), slice(60, 63))


def grain(seed: int, strength: float, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float32]:
    """(height, width, 1), a Gaussian's deviation in levels."""
    made = np.random.default_rng(seed).normal(0, strength, (height, width, 1))
    return made.astype(np.float32)


def sky(*, has_things: bool = True, seed: int = 0, noise: float = 1.0) -> Pixels:
    """A blue gradient with grain, and before it a dark rope, a dark pilot and a white walker."""
    down = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
    picture = np.array([90, 140, 200]) * (1 - down) + np.array([170, 190, 220]) * down
    picture = np.repeat(picture, WIDTH, axis=1)
    if has_things:
        picture[ROPE] = picture[PILOT] = (40, 40, 50)
        picture[WALKER] = 250
    return as_pixels(picture + grain(seed, noise))


def strokes(*, texture: float = 8.0) -> Pixels:
    """A painting of the sky alone: warm, with strokes of some px."""
    blotches = cv2.GaussianBlur(grain(9, 1.0), (0, 0), 3)
    return as_pixels(np.array([180, 140, 110]) + texture / blotches.std() * blotches[..., None])


def as_pixels(picture: NDArray[Any]) -> Pixels:
    pixels: Pixels = np.rint(picture).clip(0, 255).astype(np.uint8)
    return pixels


def luma(pixels: Pixels) -> NDArray[np.float64]:
    weighted: NDArray[np.float64] = pixels @ np.array([0.299, 0.587, 0.114])
    return weighted


def contrast(pixels: Pixels, place: tuple[slice, slice]) -> float:
    """Mean luminance at ``place`` less that of a frame of 4 px around it, in levels."""
    rows, columns = place
    wider = slice(rows.start - 4, rows.stop + 4), slice(columns.start - 4, columns.stop + 4)
    inner, outer = luma(pixels)[place], luma(pixels)[wider]
    return float(inner.mean() - (outer.sum() - inner.sum()) / (outer.size - inner.size))


def change(shown: Pixels, painting: Pixels) -> float:
    """Mean absolute difference, in levels."""
    return float(np.abs(shown.astype(np.float32) - painting).mean())


@pytest.mark.parametrize("place", [ROPE, PILOT, WALKER], ids=["a rope", "a pilot", "a white walker"])
def test_what_the_painting_lost_comes_back_with_its_sign(place: tuple[slice, slice]) -> None:
    clip, painting = sky(), strokes()
    assert abs(contrast(painting, place)) < 6
    shown = [contrast(restored(clip, painting, share), place) for share in (0.5, 1.0)]
    parts = np.array(shown) / contrast(clip, place)
    assert 0.4 < parts[0] < 0.6
    assert 0.85 < parts[1] < 1.1


def test_nothing_else_changes_than_the_things() -> None:
    painting = strokes()
    shown = restored(sky(), painting, 1.0)
    things = np.zeros((HEIGHT, WIDTH), np.uint8)
    things[ROPE] = things[PILOT] = things[WALKER] = 1
    around = cv2.dilate(things, np.ones((5, 5), np.uint8)) == 0
    assert np.array_equal(shown[around], painting[around])


def test_things_that_the_painting_shows_are_left_as_painted() -> None:
    clip = sky()
    painting = as_pixels(0.8 * clip.astype(np.float32)[..., ::-1] + 20)
    lost = np.abs(contrast(restored(clip, strokes(), 1.0), ROPE) - contrast(strokes(), ROPE))
    kept = np.abs(contrast(restored(clip, painting, 1.0), ROPE) - contrast(painting, ROPE))
    assert kept < 0.1 * lost


def test_where_nothing_stands_out_the_painting_itself_comes_back() -> None:
    painting = strokes()
    assert restored(sky(has_things=False), painting, 1.0) is painting


@pytest.mark.parametrize(
    "texture",
    [
        grain(1, 25),
        40 / 0.19 * cv2.GaussianBlur(grain(2, 1.0), (0, 0), 1.5)[..., None],
        np.kron(grain(3, 4, HEIGHT // 4, WIDTH // 4)[..., 0], np.ones((4, 4), np.float32))[..., None],
    ],
    ids=["gravel", "leaves", "blocks of a codec"],
)
def test_texture_is_left_to_the_painting(texture: NDArray[np.float32]) -> None:
    clip, painting = as_pixels(np.full((HEIGHT, WIDTH, 3), 120) + texture), strokes()
    assert change(restored(clip, painting, 1.0), painting) < 0.02


def test_the_outline_of_a_large_thing_is_left_to_the_painting() -> None:
    clip, painting = sky(has_things=False), strokes()
    cv2.circle(clip, (160, 90), 60, (30, 60, 30), -1, cv2.LINE_AA)
    assert change(restored(clip, painting, 1.0), painting) < 0.01


def test_without_share_the_painting_itself_comes_back() -> None:
    clip, painting = sky(), strokes()
    assert restored(clip, painting, 0.0) is painting
    assert composite_frame(clip, painting, detail=0.0) is painting
    assert compositor(detail=0.0) is None


def test_what_is_given_is_not_written_to() -> None:
    clip, painting = sky(), strokes()
    clip.setflags(write=False)
    painting.setflags(write=False)
    restored(clip, painting, 1.0)


def test_hues_stay() -> None:
    painting = strokes()
    shown = restored(sky(), painting, 1.0)[ROPE].astype(np.float32)
    before = painting[ROPE].astype(np.float32)
    assert np.abs(shown / shown.sum(-1, keepdims=True) - before / before.sum(-1, keepdims=True)).max() < 0.02


def test_16_bits_are_as_8_bits() -> None:
    clip, painting = sky(), strokes()
    shown = restored(clip, painting, 0.7)
    deep = restored(clip.astype(np.uint16) * 257, painting.astype(np.uint16) * 257, 0.7)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - shown).max() <= 0.51


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (5, 300), (37, 53), (361, 500), (724, 11)])
def test_any_size_will_do(size: tuple[int, int], dtype: Any) -> None:
    random = np.random.default_rng(4)
    clip, painting = (random.integers(0, np.iinfo(dtype).max, (*size, 3), dtype) for _ in range(2))
    shown = restored(clip[::-1], painting[:, ::-1], 1.0)
    assert shown.shape == painting.shape
    assert shown.dtype == dtype


def test_large_frames_get_their_own_detail() -> None:
    """A rope of 6 px that is finer than the grid has an edge of one px, not of three."""
    clip, painting = (np.repeat(np.repeat(made, 3, 0), 3, 1) for made in (sky(noise=0), strokes(texture=0.1)))
    profile = luma(restored(clip, painting, 1.0))[200:300].mean(0) - luma(painting)[200:300].mean(0)
    rope = slice(3 * ROPE[1].start, 3 * ROPE[1].stop)
    assert profile[rope].max() < -50
    assert np.abs(np.delete(profile, np.r_[rope.start - 1 : rope.stop + 1])).max() < 10


def test_strength_and_kept_colours_come_after_detail() -> None:
    clip, painting = sky(), strokes()
    detailed = restored(clip, painting, 0.5)
    assert np.array_equal(composite_frame(clip, painting, 0.0, detail=0.5), clip)
    half = (clip.astype(np.float32) + detailed) / 2
    assert np.abs(composite_frame(clip, painting, 0.5, detail=0.5) - half).max() <= 0.51
    recolored = composite_frame(clip, painting, preserve_color=True, detail=0.5)
    weights = np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(recolored @ weights - detailed @ weights).max() <= 0.51


def test_a_still_clip_with_grain_gets_the_same_detail_in_each_frame() -> None:
    painting = strokes()
    given = [
        luma(restored(sky(seed=seed, noise=2.0), painting, 1.0)) - luma(painting) for seed in range(1, 7)
    ]
    where = np.abs(np.mean(given, axis=0)) > 5
    flicker = np.abs(np.diff(given, axis=0))[:, where].mean()
    assert flicker < 0.03 * np.abs(given)[:, where].mean()


def test_detail_out_of_range_is_one_line() -> None:
    with pytest.raises(OptionError, match=r"^--detail must be from 0 to 1, got 1.5$"):
        DetailOptions(detail=1.5)
