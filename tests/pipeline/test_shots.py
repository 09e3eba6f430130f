"""Shots of a clip, painted one after the other and alone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scenes import ground, shot, view

from vidstyle import Frame, Stylizer
from vidstyle.flow.dis import DIS
from vidstyle.frames import Pixels
from vidstyle.temporal.lookahead import motions

HEIGHT, WIDTH = 72, 128


def pan(seed: int, speed: float) -> list[Pixels]:
    """Five frames of a pan of ``speed`` px a frame over ground of its own."""
    picture = ground(2 * HEIGHT, 2 * WIDTH, seed)
    views = [view(picture, 100 + speed * index, 72, 1, HEIGHT, WIDTH) for index in range(5)]
    return [shot(each, noise=1, seed=index) for index, each in enumerate(views)]


@pytest.mark.parametrize(
    "options",
    [{}, {"temporal": "blend"}, {"temporal": "none"}, {"strength": 1.4}, {"stability": 0.5}],
    ids=str,
)
def test_a_shot_is_painted_alike_whatever_came_before_it(options: dict[str, Any]) -> None:
    stylizer = Stylizer("waves", engine="stylenet", device="cpu", **options)
    before, after = pan(1, 7.0), pan(9, -3.0)
    whole = list(stylizer.frames([*before, *after]))
    assert np.array_equal(np.stack(whole[len(before) :]), np.stack(list(stylizer.frames(after))))


def test_no_motion_is_estimated_across_a_cut() -> None:
    frames = [Frame(each, Fraction(i, 25)) for i, each in enumerate([*pan(1, 7.0), *pan(9, -3.0)])]
    known = [each.motion for each in motions(frames, DIS())]
    assert [index for index, motion in enumerate(known) if motion is None or motion.planes is None] == [0, 5]
