"""Which frames a keyframe engine paints."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scenes import ground, shot, view

from vidstyle.errors import InputError
from vidstyle.frames import Frame, Pixels
from vidstyle.keyframes import selection
from vidstyle.keyframes.selection import choose_keyframes

HEIGHT, WIDTH = 96, 144


def frames_of(pictures: Sequence[Pixels]) -> list[Frame]:
    return [Frame(picture, Fraction(index, 25), Fraction(1, 25)) for index, picture in enumerate(pictures)]


def chosen(pictures: Sequence[Pixels]) -> list[int]:
    return [keyframe.index for keyframe in choose_keyframes(frames_of(pictures)).keyframes]


def panned(count: int, step: float, seed: int = 1) -> list[Pixels]:
    picture = ground(160, 400, seed)
    return [shot(view(picture, 80 + index * step, 80, 1, HEIGHT, WIDTH)) for index in range(count)]


def test_a_still_shot_has_one_keyframe() -> None:
    assert chosen(panned(12, 0)) == [0]


def test_each_shot_begins_with_a_keyframe() -> None:
    assert chosen([*panned(4, 1), *panned(4, 1, seed=9), *panned(4, 1, seed=20)]) == [0, 4, 8]


def test_a_pan_has_a_keyframe_where_too_little_of_the_last_one_is_left() -> None:
    found = chosen(panned(40, 4.0))
    assert found[0] == 0 and len(found) >= 3
    # 30 % of 144 px are left behind after 11 frames, and much of a part near the border before
    assert all(8 <= later - earlier <= 11 for earlier, later in pairwise(found))


def test_a_smaller_loss_has_more_keyframes() -> None:
    pan = frames_of(panned(40, 2.0))
    counts = [len(choose_keyframes(pan, loss=loss).keyframes) for loss in (0.15, 0.6)]
    assert counts[0] > counts[1] >= 1


def test_a_thing_that_shows_another_side_is_painted_again() -> None:
    grass, faces = ground(HEIGHT, WIDTH, 5), [ground(40, 40, seed) for seed in (11, 12)]
    clip = []
    for index in range(20):
        picture = grass.copy()
        turned = max(0, min(40, 4 * (index - 4)))  # columns of the other face
        picture[28:68, 52:92] = np.concatenate([faces[1][:, :turned], faces[0][:, turned:]], 1)
        clip.append(shot(picture))
    found = chosen(clip)
    assert len(found) >= 2 and 8 <= found[1] < 16


def test_a_flash_has_no_keyframe_and_the_shot_goes_on() -> None:
    clip = panned(12, 0.5)
    clip[5] = np.full_like(clip[5], 255)
    assert chosen(clip) == [0]
    clip[5] = panned(1, 0, seed=9)[0]
    assert chosen(clip) == [0]


def test_a_long_shot_has_a_keyframe_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_LONGEST", 5)
    assert chosen(panned(12, 0)) == [0, 5, 10]


def test_a_style_that_changes_is_painted_anew() -> None:
    def renewal(begin: Fraction, end: Fraction) -> float:
        return float(end - begin) * 25 / 40  # a whole transition takes 40 frames

    plan = choose_keyframes(frames_of(panned(24, 0)), renewal=renewal)
    assert [keyframe.index for keyframe in plan.keyframes] == [0, 11, 22]


def test_a_clip_without_frames_is_refused() -> None:
    with pytest.raises(InputError, match="no frames"):
        choose_keyframes([])
