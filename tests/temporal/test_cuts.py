"""Where a new shot begins: at hard cuts, and nowhere in pans, shakes, whips, zooms, flashes and fades."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scenes import ground, shot, view

from vidstyle.frames import Pixels
from vidstyle.styles.pictures import load
from vidstyle.temporal.cuts import Cuts

Picture = NDArray[np.float32]
SIZES = [(240, 432), (640, 360)]  # px, height and width of a frame
PICTURES = ["blobs", "gravel", "page", "mosaic", "waves"]
FRAMES = 12


@lru_cache(maxsize=16)
def picture(name: str, seed: int = 1) -> Picture:
    """A picture with fine detail, 1000 px high and wide, 0 to 255: made, or of the bundled styles."""
    random = np.random.default_rng([seed, len(name)])  # not the noise that blobs begin with
    if name == "blobs":
        return ground(1000, 1000, seed)
    if name == "gravel":
        octaves = [(1.5, 200.0), (4.0, 250.0), (12.0, 500.0)]
        noise = [random.standard_normal((1000, 1000, 3)).astype(np.float32) for _ in octaves]
        grains = sum(
            size * cv2.GaussianBlur(n, (0, 0), s) for n, (s, size) in zip(noise, octaves, strict=True)
        )
        return np.clip(110 + np.asarray(grains, np.float32), 0, 255)
    if name == "page":
        page = np.full((1000, 1000, 3), 235, np.uint8)
        for line in range(14, 1000, 22):
            text = "".join(chr(97 + letter) if letter < 26 else " " for letter in random.integers(0, 30, 90))
            cv2.putText(page, text, (8, line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20, 25, 30), 1, cv2.LINE_AA)
        return page.astype(np.float32)
    return np.asarray(cv2.resize(load(name), (1000, 1000), interpolation=cv2.INTER_CUBIC), np.float32)


def cuts(frames: Sequence[Pixels]) -> list[int]:
    """The frames that are the first of a shot, but for the very first."""
    looking = Cuts()
    return [number for number, pixels in enumerate(frames) if looking.look(pixels).is_cut][1:]


Camera = Callable[[int, "NDArray[np.float64]"], tuple[float, float, float, float]]


def pan(number: int, chance: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return 380 + 20 * number + 3 * chance[0], 500 + 3 * chance[1], 1, 0


def shake(number: int, chance: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return 500 + 20 * chance[0], 500 + 20 * chance[1], 1 + 0.02 * chance[2], 2 * chance[3]


def zoom(number: int, chance: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return 500 + chance[0], 500, 1.08 ** (number - 5), 0


def roll(number: int, chance: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return 500 + 5 * number, 500 + 3 * chance[1], 1.3, 6 * number


def moving(name: str, camera: Camera, size: tuple[int, int]) -> list[Pixels]:
    """A shot of a picture by a camera: (number, 4 random numbers -1 to 1) -> (x, y, zoom, angle)."""
    chances = np.random.default_rng(7).uniform(-1, 1, (FRAMES, 4))
    places = [camera(number, chance) for number, chance in enumerate(chances)]
    views = [view(picture(name), x, y, zoom, *size, angle) for x, y, zoom, angle in places]
    return [shot(seen, noise=1, seed=number) for number, seen in enumerate(views)]


def still(name: str, size: tuple[int, int], seed: int = 1) -> Picture:
    return view(picture(name, seed), 500, 500, 1, *size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("camera", [pan, shake, zoom, roll])
def test_a_camera_that_moves_fast_makes_no_cut(camera: Camera, name: str, size: tuple[int, int]) -> None:
    assert cuts(moving(name, camera, size)) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PICTURES)
def test_a_blurred_whip_makes_no_cut(name: str, size: tuple[int, int]) -> None:
    x, frames = 300.0, []
    for speed in (0, 30, 70, 90, 70, 30, 0):
        steps = [
            view(picture(name), x + 0.5 * speed * share, 500, 1, *size) for share in np.linspace(0, 1, 16)
        ]
        frames.append(shot(np.mean(steps, axis=0, dtype=np.float32), noise=1))
        x += speed
    assert cuts(frames) == []


@pytest.mark.parametrize("size", SIZES)
def test_things_that_hide_a_third_of_a_pan_make_no_cut(size: tuple[int, int]) -> None:
    frames, thing = moving("blobs", pan, size), moving("mosaic", shake, size)
    height, width = size
    for number, (below, above) in enumerate(zip(frames, thing, strict=True)):
        left = width // 2 - 15 * number % (width // 3)
        part = np.s_[height // 4 :, left : left + width // 2]
        below[part] = above[part]
    assert cuts(frames) == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_change_of_light_during_a_pan_makes_no_cut(name: str) -> None:
    frames = moving(name, pan, SIZES[0])
    frames[5] = shot(frames[5] * np.float32(0.6) + 70)
    assert cuts(frames) == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_pan_goes_on_after_a_flash_that_burns_it_out(name: str) -> None:
    frames = moving(name, pan, SIZES[0])
    frames[5:7] = [shot(frame + np.float32(240)) for frame in frames[5:7]]
    looking = Cuts()
    seen = [looking.look(frame) for frame in frames]
    assert not any(each.is_cut for each in seen[1:])
    assert seen[7].is_return == seen[5].is_blank
    assert not any(each.is_break for each in (*seen[1:5], *seen[8:]))


@pytest.mark.parametrize("name", PICTURES)
def test_a_flash_that_ends_slowly_is_no_cut(name: str) -> None:
    frames = moving(name, pan, SIZES[0])
    frames[5:7] = [
        shot(frame + np.float32(light)) for frame, light in zip(frames[5:7], (230, 180), strict=True)
    ]
    assert cuts(frames) == []


@pytest.mark.parametrize(("first", "second"), list(pairwise(PICTURES)))
@pytest.mark.parametrize("through", [0.0, 255.0])
def test_a_fade_through_black_or_white_to_another_picture_is_a_cut(
    first: str, second: str, through: float
) -> None:
    one, other = still(first, SIZES[0]), still(second, SIZES[0])
    shares = np.linspace(1, 0, 10)
    views = [through + share * (one - np.float32(through)) for share in shares]
    views += [through + share * (other - np.float32(through)) for share in shares[::-1]]
    found = cuts([shot(seen, noise=1, seed=number) for number, seen in enumerate(views)])
    assert len(found) == 1 and 10 <= found[0] <= 14


@pytest.mark.parametrize("name", PICTURES)
def test_a_fade_to_black_and_back_makes_no_cut(name: str) -> None:
    views = [still(name, SIZES[0]) * np.float32(abs(share)) for share in np.linspace(1, -1, 25)]
    assert cuts([shot(seen, noise=1, seed=number) for number, seen in enumerate(views)]) == []


@pytest.mark.parametrize("length", [2, 4, 12])
def test_a_dissolve_is_one_cut_at_most(length: int) -> None:
    for first, second in pairwise(PICTURES):
        one, other = still(first, SIZES[0]), still(second, SIZES[0])
        shares = np.clip(np.arange(-2, length + 3, dtype=np.float32) / length, 0, 1)
        assert len(cuts([shot((1 - share) * one + share * other) for share in shares])) <= 1


@pytest.mark.parametrize("size", SIZES)
def test_every_hard_cut_is_found(size: tuple[int, int]) -> None:
    shots = [view(picture(name, seed), 500, 500, 1, *size) for seed in (1, 2, 3) for name in PICTURES[:3]]
    shots += [still(name, size) for name in ("mosaic", "waves", "ink", "lanterns", "meadow")]
    frames = [shot(seen, noise=1, seed=seed) for seen in shots for seed in (1, 2)]
    assert cuts(frames) == list(range(2, len(frames), 2))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["blobs", "gravel"])
def test_hard_cuts_between_pictures_of_the_same_kind_and_colours_are_found(
    name: str, size: tuple[int, int]
) -> None:
    shots = [still(name, size, seed) for seed in range(1, 7)]
    grey = [0.25 * seen + 90 for seen in shots]  # paler, too
    assert cuts([shot(seen) for seen in shots]) == [1, 2, 3, 4, 5]
    assert cuts([shot(seen) for seen in grey]) == [1, 2, 3, 4, 5]


def test_a_hard_cut_in_the_middle_of_a_pan_is_found() -> None:
    frames = moving("blobs", pan, SIZES[0])[:6] + moving("gravel", pan, SIZES[0])[6:]
    assert cuts(frames) == [6]


def test_black_bars_hide_no_cut_and_make_none() -> None:
    frames = [*moving("blobs", pan, SIZES[0])[:6], *moving("page", pan, SIZES[0])[6:]]
    for frame in frames:
        frame[:36], frame[-36:] = 16, 16
    assert cuts(frames) == [6]


def test_a_cut_at_night_is_found_and_noise_makes_none() -> None:
    shots = [0.12 * still(name, SIZES[0]) for name in ("blobs", "gravel")]
    frames = [
        shot(seen, noise=5, seed=4 * number + seed) for number, seen in enumerate(shots) for seed in range(4)
    ]
    assert cuts(frames) == [4]


def test_a_mixed_frame_between_two_shots_makes_one_cut() -> None:
    one, other = still("blobs", SIZES[0]), still("waves", SIZES[0])
    mixed = 0.5 * (one + other)
    found = cuts([shot(seen) for seen in (one, one, one, mixed, other, other, other)])
    assert found in ([3], [4])


def test_cuts_are_found_in_16_bits_too() -> None:
    frames = [shot(still(name, SIZES[0])).astype(np.uint16) * 257 for name in ("blobs", "gravel")]
    assert cuts([frames[0], frames[0], frames[1]]) == [2]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 400), (400, 5), (17, 33)])
def test_frames_of_any_size_can_be_looked_at(size: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    frames = [random.integers(0, 256, (*size, 3)).astype(np.uint8) for _ in range(3)]
    assert set(cuts([frames[0], *frames])) <= {2, 3}


def test_a_frame_of_another_size_begins_a_shot() -> None:
    assert cuts([shot(still("blobs", size)) for size in (*SIZES, SIZES[1])]) == [1]


def test_a_frame_of_another_depth_begins_a_shot() -> None:
    frame = shot(still("blobs", SIZES[0]))
    assert cuts([frame, frame, frame.astype(np.uint16) * 257, frame.astype(np.uint16) * 257, frame]) == [2, 4]


def test_a_buffer_that_is_filled_again_hides_no_cut() -> None:
    coarse = np.random.default_rng(1).integers(0, 255, (2, 9, 16, 3))
    shots = coarse.repeat(10, 1).repeat(10, 2).astype(np.uint8)
    buffer = np.empty(shots.shape[1:], np.uint8)
    cuts, found = Cuts(), []
    for index in (0, 0, 1, 1):
        buffer[...] = shots[index]
        found.append(cuts.look(buffer).is_cut)
    assert found == [True, False, True, False]
