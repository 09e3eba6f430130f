"""Strength, kept colours and masks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vidstyle.errors import InputError
from vidstyle.frames import Frame, Pixels
from vidstyle.temporal import compositing
from vidstyle.temporal.base import SteadyFrame
from vidstyle.temporal.compositing import (
    as_weights,
    composite_frame,
    composited_frames,
    compositor,
    recolored,
)

LUMA = np.array([0.2126, 0.7152, 0.0722])
DEPTHS = [np.uint8, np.uint16]


def noise(seed: int, dtype: Any, size: tuple[int, int] = (37, 53)) -> Pixels:
    full = np.iinfo(dtype).max
    made: Pixels = np.random.default_rng(seed).integers(0, full, (*size, 3), dtype, endpoint=True)
    return made


@pytest.fixture(params=DEPTHS)
def pair(request: pytest.FixtureRequest) -> tuple[Pixels, Pixels]:
    return noise(0, request.param), noise(1, request.param)


def test_full_strength_without_more_needs_no_finish() -> None:
    assert compositor() is None
    assert compositor(strength=1.5) is None


def test_no_strength_is_the_clip_exactly(pair: tuple[Pixels, Pixels]) -> None:
    clip, painting = pair
    composite = compositor(strength=0.0, preserve_color=True, mask=Frame(np.full((5, 5, 3), 255, np.uint8)))
    assert composite is not None
    assert np.array_equal(composite(Frame(clip), painting), clip)


def test_strength_mixes_clip_and_painting(pair: tuple[Pixels, Pixels]) -> None:
    clip, painting = pair
    shown = composite_frame(clip, painting, 0.25)
    assert shown.dtype == clip.dtype
    assert np.abs(shown - (0.75 * clip.astype(float) + 0.25 * painting)).max() <= 0.51


def test_strength_beyond_one_shows_the_painting(pair: tuple[Pixels, Pixels]) -> None:
    clip, painting = pair
    assert composite_frame(clip, painting, 1.4) is painting


def test_kept_colours_have_the_paintings_luminance(pair: tuple[Pixels, Pixels]) -> None:
    clip, painting = pair
    shown = recolored(clip, painting)
    assert shown.dtype == clip.dtype
    assert np.abs(shown @ LUMA - painting @ LUMA).max() <= 0.51


def test_kept_colours_of_a_grey_clip_are_grey() -> None:
    grey = np.repeat(noise(3, np.uint8)[..., :1], 3, axis=2).astype(np.uint8)
    shown = recolored(grey, noise(4, np.uint8))
    assert np.ptp(shown, axis=2).max() == 0


def test_kept_colours_keep_the_hue_of_the_clip() -> None:
    clip = np.full((8, 8, 3), (200, 60, 40), np.uint8)
    for level in (5, 60, 128, 250):
        color = recolored(clip, np.full((8, 8, 3), level, np.uint8))[0, 0].astype(float)
        chroma, own = color - color @ LUMA, clip[0, 0] - clip[0, 0] @ LUMA
        assert chroma @ own > 0.97 * np.linalg.norm(chroma) * np.linalg.norm(own)


def test_a_painting_of_the_clip_itself_keeps_it_as_it_is(pair: tuple[Pixels, Pixels]) -> None:
    clip, _ = pair
    assert np.abs(recolored(clip, clip).astype(int) - clip).max() <= 1


def test_a_mask_shows_clip_and_painting_exactly_and_keeps_soft_edges(pair: tuple[Pixels, Pixels]) -> None:
    clip, painting = pair
    weights = np.zeros((37, 53), np.float32)
    weights[10:], weights[20:] = 0.5, 1.0
    shown = composite_frame(clip, painting, 1.0, weights)
    assert np.array_equal(shown[:10], clip[:10])
    assert np.array_equal(shown[20:], painting[20:])
    assert np.abs(shown[10:20] - (clip[10:20].astype(float) + painting[10:20]) / 2).max() <= 0.51


def test_strength_and_mask_multiply() -> None:
    clip, painting = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 200, np.uint8)
    shown = composite_frame(clip, painting, 0.5, np.full((4, 4), 0.5, np.float32))
    assert np.abs(shown.astype(int) - 50).max() <= 1


@pytest.mark.parametrize("dtype", DEPTHS)
def test_white_is_full_strength_black_none_whatever_the_mask_is(dtype: Any) -> None:
    full = np.iinfo(dtype).max
    mask = np.zeros((40, 80, 3), dtype)
    mask[:, 40:] = full
    weights = as_weights(Frame(mask), 20, 160)
    assert weights.shape == (20, 160)
    assert np.all(weights[:, :78] == 0)
    assert np.all(weights[:, 82:] == 1)


def test_a_transparent_mask_masks_too() -> None:
    alpha = np.zeros((8, 8), np.uint8)
    alpha[4:] = 255
    weights = as_weights(Frame(np.full((8, 8, 3), 255, np.uint8), alpha=alpha), 8, 8)
    assert weights[:4].max() == 0
    assert weights[4:].min() == 1


def clip_mask(times: list[int]) -> list[Frame]:
    """White frames and black ones in turn."""
    return [
        Frame(np.full((4, 4, 3), 255 * (index % 2 == 0), np.uint8), Fraction(time))
        for index, time in enumerate(times)
    ]


def test_a_mask_clip_runs_beside_the_clip_and_its_last_frame_stays() -> None:
    composite = compositor(mask=iter(clip_mask([0, 2, 3])))
    assert composite is not None
    painting = np.full((6, 6, 3), 9, np.uint8)
    shown = [composite(_at(time), painting)[0, 0, 0] for time in ("0", "1", "1.99", "2", "2.5", "3", "50")]
    assert shown == [9, 9, 9, 0, 0, 9, 9]


def test_a_mask_clip_is_not_read_further_than_its_next_frame() -> None:
    taken = []

    def frames() -> Any:
        for frame in clip_mask(list(range(10))):
            taken.append(frame.time)
            yield frame

    composite: Callable[[Frame, Pixels], Pixels] | None = compositor(mask=frames())
    assert composite is not None
    composite(_at("1"), np.zeros((6, 6, 3), np.uint8))
    assert taken == [0, 1, 2]


def test_a_mask_without_frames_is_refused() -> None:
    with pytest.raises(InputError, match="the mask has no frames"):
        compositor(mask=[])


def _at(time: str) -> Frame:
    return Frame(np.zeros((6, 6, 3), np.uint8), Fraction(time))


def test_a_steady_frame_is_finished_with_its_own_frame_of_the_clip() -> None:
    content = Frame(np.full((4, 6, 3), 90, np.uint8), Fraction(1, 3), Fraction(2, 7))
    painting = np.full((4, 6, 3), 10, np.uint8)
    steady = [SteadyFrame(content, painting, is_cut=True, repainted=0.5, seconds=(1.0, 2.0, 3.0))]
    (shown,) = composited_frames(steady, lambda frame, painted: np.maximum(frame.pixels, painted))
    assert np.array_equal(shown.frame.pixels, content.pixels)
    assert (shown.frame.time, shown.frame.duration) == (content.time, content.duration)
    assert (shown.is_cut, shown.repainted, shown.seconds[:2]) == (True, 0.5, (1.0, 2.0))
    assert shown.seconds[2] >= 3.0
    (plain,) = composited_frames(steady, None)
    assert plain.frame.pixels is painting


def test_a_still_frame_is_composited_once_and_each_result_belongs_to_the_caller(
    pair: tuple[Pixels, Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted(*given: Any, **more: Any) -> Pixels:
        calls.append(1)
        return composite_frame(*given, **more)

    monkeypatch.setattr(compositing, "composite_frame", counted)
    composite = compositor(strength=0.5, detail=1.0)
    assert composite is not None
    clip, painting = pair
    expected = composite_frame(clip, painting, 0.5, detail=1.0)
    for _ in range(6):
        result = composite(Frame(clip), painting.copy())
        assert np.array_equal(result, expected)
        result[:] = 0
    assert len(calls) == 2


@pytest.mark.parametrize("what", ["clip", "painting", "mask"])
def test_one_pixel_that_changes_in_a_still_frame_is_seen(what: str, pair: tuple[Pixels, Pixels]) -> None:
    clip, painting = (each.copy() for each in pair)
    mask = np.full((*clip.shape[:2], 3), 255, np.uint8)
    masks = [Frame(mask.copy(), Fraction(number)) for number in range(6)]
    masks[4].pixels[5, 7] = 0
    composite = compositor(strength=0.5, mask=iter(masks) if what == "mask" else None)
    assert composite is not None
    before = [composite(Frame(clip, Fraction(number)), painting) for number in range(4)][-1]
    changed = {"clip": clip, "painting": painting}.get(what)
    if changed is not None:  # in place, as a caller may use one array for all frames
        changed[5, 7] ^= 0xFF
    after = composite(Frame(clip, Fraction(4)), painting)
    assert {tuple(place) for place in np.argwhere((before != after).any(-1))} == {(5, 7)}


def test_a_still_frame_of_another_depth_is_not_that_of_the_first() -> None:
    composite = compositor(strength=0.5)
    assert composite is not None
    black = [np.zeros((20, 20, 3), depth) for depth in (np.uint8, np.uint8, np.uint8, np.uint16)]
    assert [composite(Frame(pixels), pixels.copy()).dtype for pixels in black][2:] == [np.uint8, np.uint16]
