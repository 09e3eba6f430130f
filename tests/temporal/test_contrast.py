"""Frames of hardly any contrast: fades from black and to white, plain frames, and what is painted of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import write_clip
from scenes import ground, shot, view

from vidstyle.frames import Frame, Pixels
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.temporal.contrast import painted_share
from vidstyle.video.reading.reader import Reader

HEIGHT, WIDTH, SECOND = 72, 96, 16  # frames


def scene(index: int = 0) -> Pixels:
    return shot(view(ground(160, 240, 1), 90 + index, 80, 1, HEIGHT, WIDTH))


def fade(to: int) -> list[Pixels]:
    """A picture that emerges from frames of the level ``to``."""
    shares = [0.0] * 3 + [index / SECOND for index in range(1, SECOND + 1)] + [1.0] * 3
    frames = (to + share * (scene(index).astype(float) - to) for index, share in enumerate(shares))
    return [np.rint(each).astype(np.uint8) for each in frames]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_plain_frames_have_no_share_whatever_their_colour_and_noise(level: int) -> None:
    plain = np.full((90, 160, 3), level, np.uint8)
    noise = np.random.default_rng(0).normal(0, 6, plain.shape)
    assert painted_share(plain) == 0
    assert painted_share(np.clip(plain + noise, 0, 255).astype(np.uint8)) == 0
    assert painted_share(plain.astype(np.uint16) * 257) == 0


def test_a_small_thing_on_a_plain_ground_is_painted_and_so_is_a_night() -> None:
    frame = np.full((90, 160, 3), 30, np.uint8)
    frame[40:48, 80:88] = (90, 30, 30)
    assert painted_share(frame) == 1
    assert painted_share((scene() * 0.3).astype(np.uint8)) == 1
    assert 0 < painted_share((scene() * 0.15).astype(np.uint8)) < 1


@pytest.mark.parametrize(
    ("level", "temporal", "engine"),
    [
        *((0, "map", "wct-slim"), (255, "none", "wct-single-pass")),
        *((255, "map", "stylenet"), (0, "none", "stylenet")),
    ],
)
def test_a_fade_begins_with_the_plain_frame_and_ends_with_the_painting(
    level: int, temporal: str, engine: str
) -> None:
    stylizer = Stylizer("mosaic", engine=engine, temporal=temporal, device="cpu")
    frames = fade(level)
    results = list(stylizer.frames(frames))
    for frame, result in zip(frames[:3], results[:3], strict=True):
        assert np.array_equal(frame, result)
    for backwards in (frames, frames[::-1]):
        for frame, result in zip(backwards, stylizer.frames(backwards), strict=True):
            if painted_share(frame) < 1:
                continue
            # painted with statistics of a darker frame, it would be saturated nearly everywhere
            alone = stylizer.image(frame)
            assert abs(float(result.mean()) - float(alone.mean())) < 25
            assert result.std() < 1.3 * alone.std()


def test_a_flash_within_a_shot_is_shown_and_the_paint_of_the_shot_is_kept() -> None:
    still = scene()
    frames = [still] * 3 + [np.full_like(still, 255)] * 2 + [still] * 2
    results = list(Stylizer("mosaic", engine="stylenet", device="cpu").frames(frames))
    assert np.array_equal(results[3], frames[3]) and np.array_equal(results[4], frames[4])
    assert np.abs(results[5].astype(float) - results[2]).mean() < 1


def test_a_stream_that_is_stopped_in_a_fade_goes_on_as_an_unbroken_one(tmp_path: Path) -> None:
    frames = [Frame(each, Fraction(i, 25), Fraction(1, 25)) for i, each in enumerate(fade(0))]
    stylizer = Stylizer("mosaic", engine="stylenet", device="cpu")
    whole = [frame.pixels for frame in stylizer.frames(frames)]
    for stop in (2, 3, 8):  # within and at the end of the plain frames, and while the picture emerges
        state = tmp_path / f"{stop}.safetensors"
        parts = [frame.pixels for frame in stylizer.frames(frames[:stop], save_state=state)]
        parts += [frame.pixels for frame in stylizer.frames(frames[stop:], resume=state)]
        assert all(np.array_equal(one, other) for one, other in zip(parts, whole, strict=True))


def test_plain_frames_are_kept_between_keyframes_too(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "fade.mkv", fade(0)[:6], codec="ffv1")
    result = tmp_path / "painted.mkv"
    stylizer = Stylizer("mosaic", quality="best", device="cpu")
    stylizer.video(clip, result, codec="ffv1")
    with Reader(result) as reader:
        means = [float(frame.pixels.mean()) for frame in reader]
    assert max(means[:3]) < 2 < means[-1]
