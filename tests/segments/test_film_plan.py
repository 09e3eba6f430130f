"""The plan of a film: where segments begin, and that their frames are those of the whole clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import write_clip
from films import FRAMES, RATE, SHOTS, write_film

from vidstyle.options import ReadOptions
from vidstyle.segments.film_plan import FilmPlan, plan_film
from vidstyle.segments.shot_limits import Look, choose_starts

NONE: Mapping[int, float] = {}


def looks(
    count: int, cuts: Iterable[int] = (), odd: Iterable[int] = (), repaints: Mapping[int, float] = NONE
) -> list[Look]:
    """Frames, one a second, with cuts and odd frames at these places."""
    return [
        Look(Fraction(place), place == 0 or place in cuts, place in odd, repaints.get(place, 0.0))
        for place in range(count)
    ]


def starts(frames: list[Look], limit: int, *, splits_shots: bool = True) -> list[tuple[int, bool]]:
    return choose_starts(frames, Fraction(len(frames)), Fraction(limit), splits_shots=splits_shots)


def test_as_many_whole_shots_as_fit_make_a_segment() -> None:
    assert starts(looks(100, cuts=(20, 40, 60, 80)), 45) == [(0, True), (40, True), (80, True)]
    assert starts(looks(100, cuts=(20, 40, 60, 80)), 100) == [(0, True)]


def test_a_long_shot_is_cut_where_most_will_be_repainted() -> None:
    frames = looks(100, cuts=(20,), repaints={30: 9.0, 45: 3.0, 75: 2.0})
    assert starts(frames, 40) == [(0, True), (20, True), (45, False), (75, False)]
    assert starts(frames, 40, splits_shots=False) == [(0, True), (20, True)]


def test_a_long_shot_is_cut_where_something_appears_and_not_where_it_moves_fastest(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (2, 64, 192, 3)).astype(np.uint8)
    ground, thing = (cv2.GaussianBlur(each, (0, 0), 2).astype(np.float32) * 4 - 384 for each in noise)
    frames = []
    for number in range(40):
        at = number + 3 * max(0, number - 19)  # px: faster from frame 20 on
        picture = ground[:, at : at + 96].copy()
        if number >= 17:
            picture[16:48, 30:66] = thing[16:48, 30:66]
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    clip = write_clip(tmp_path / "shot.mp4", frames, rate=10)
    plan = plan_film(clip, ReadOptions(), Fraction(5, 2), splits_shots=True)
    assert [(each.first, each.begins_shot) for each in plan.segments][:2] == [(0, True), (17, False)]


def test_a_frame_that_lasts_long_does_not_end_the_cutting_of_its_shot() -> None:
    times = [*range(10), *range(100, 160)]
    frames = [Look(Fraction(time), time == 0, False) for time in times]
    places = [place for place, _ in choose_starts(frames, Fraction(160), Fraction(20), splits_shots=True)]
    assert [times[place] for place in places] == [0, 9, 100, 110, 120, 130, 140]
    frames = [Look(Fraction(time), time == 0, False) for time in (0, 50, 100)]
    parts = choose_starts(frames, Fraction(150), Fraction(20), splits_shots=True)
    assert parts == [(0, True), (1, False), (2, False)]


@pytest.mark.parametrize("frames", [looks(60, cuts=(30, 34)), looks(60, cuts=(30,), odd=(33,))])
def test_no_segment_begins_where_a_flash_may_be(frames: list[Look]) -> None:
    assert starts(frames, 40, splits_shots=False) == [(0, True)]


def test_a_plan_is_the_same_each_time_and_survives_json(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4")
    plans = [plan_film(film, ReadOptions(), Fraction(5, 2), splits_shots=True) for _ in range(2)]
    assert plans[0] == plans[1] == FilmPlan.from_json(plans[0].to_json())
    assert sum(segment.count for segment in plans[0].segments) == sum(SHOTS) == FRAMES
    assert plans[0].segments[0].count == SHOTS[0]
    assert [segment.begins_shot for segment in plans[0].segments] == [True, True, False, True]
    assert plans[0].spans()[-1] == (Fraction(FRAMES - 1, RATE), Fraction(1, RATE))
