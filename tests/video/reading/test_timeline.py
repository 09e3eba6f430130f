"""Times that rise and meet, whatever ticks a file gives."""

from __future__ import annotations

import logging
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidstyle.video.reading.timeline import Part, Ticked, Timed, Timeline

USUAL = Fraction(1, 25)


def timed(*ticks: int | None, last: int = 0, timeline: Timeline | None = None) -> list[tuple[int, int, int]]:
    """(number, time, duration) in 25ths of a second of pictures shown at ``ticks``."""
    given_ticks = [
        Ticked(
            number,
            None if tick is None else tick * USUAL,
            last * USUAL if last and number == len(ticks) - 1 else None,
        )
        for number, tick in enumerate(ticks)
    ]
    made = (timeline or Timeline(USUAL))(given_ticks)
    return [(item.picture, int(item.time / USUAL), int(item.duration / USUAL)) for item in made]


def test_a_duration_reaches_to_the_next_picture() -> None:
    assert timed(5, 6, 9, 10) == [(0, 5, 1), (1, 6, 3), (2, 9, 1), (3, 10, 1)]


def test_the_last_duration_is_the_files_own() -> None:
    assert timed(0, 1, 2, last=7)[-1] == (2, 2, 7)


def test_a_picture_without_a_time_follows_the_one_before() -> None:
    assert timed(None, None, 4, None, 6) == [
        (0, 0, 1), (1, 1, 3), (2, 4, 1), (3, 5, 1), (4, 6, 1)
    ]  # fmt: skip


def test_a_picture_at_the_time_of_another_is_left_out_and_counted() -> None:
    timeline = Timeline(USUAL)
    assert timed(0, 1, 1, 2, timeline=timeline) == [(0, 0, 1), (1, 1, 1), (3, 2, 1)]
    assert timeline.dropped == 1


def test_a_picture_that_comes_too_late_is_left_out_and_counted() -> None:
    timeline = Timeline(USUAL)
    assert timed(0, 2, 1, 3, timeline=timeline) == [(0, 0, 2), (1, 2, 1), (3, 3, 1)]
    assert timeline.dropped == 1


def test_times_that_begin_anew_are_read_on_from_there(caplog: pytest.LogCaptureFixture) -> None:
    timeline = Timeline(USUAL, "a.ts")
    with caplog.at_level(logging.WARNING, "vidstyle"):
        made = timed(100, 101, 102, 0, 1, 3, timeline=timeline)
    assert made == [(0, 100, 1), (1, 101, 1), (2, 102, 1), (3, 103, 1), (4, 104, 2), (5, 106, 1)]
    assert timeline.dropped == 0
    assert "a.ts: times jump back" in caplog.text


def test_no_picture_makes_no_time() -> None:
    assert timed() == []


@given(st.lists(st.none() | st.integers(-200, 200), max_size=30))
def test_times_rise_and_meet_whatever_comes(ticks: list[int | None]) -> None:
    timeline = Timeline(USUAL)
    made = list(timeline(Ticked(n, None if t is None else t * USUAL / 3, None) for n, t in enumerate(ticks)))
    assert all(now.time + now.duration == then.time and now.duration > 0 for now, then in pairwise(made))
    assert len(made) + timeline.dropped == len(ticks)
    assert not made or made[-1].duration > 0


def part(start: int | None, end: int | None, frames: int | None = None) -> list[tuple[int, Fraction]]:
    pictures = (Timed(number, number * USUAL, USUAL) for number in range(10))
    chosen = Part(
        None if start is None else start * USUAL / 2, None if end is None else end * USUAL / 2, frames
    )
    return [(item.picture, item.duration / USUAL) for item in chosen.of(pictures)]


def test_a_part_begins_with_the_first_picture_at_or_after_its_start() -> None:
    assert [number for number, _ in part(6, None)] == [3, 4, 5, 6, 7, 8, 9]
    assert part(7, None)[0][0] == 4


def test_a_part_ends_before_its_end_and_cuts_the_last_duration_to_it() -> None:
    assert part(4, 8) == [(2, Fraction(1)), (3, Fraction(1))]
    assert part(4, 7) == [(2, Fraction(1)), (3, Fraction(1, 2))]


def test_a_part_reads_no_further_than_it_must() -> None:
    read = []

    def pictures() -> object:
        for number in range(100):
            read.append(number)
            yield Timed(number, number * USUAL, USUAL)

    assert len(list(Part(frames=3).of(pictures()))) == 3  # type: ignore[arg-type]
    assert read == [0, 1, 2]
