"""Where segments begin: at cuts, and in long shots where most will be repainted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

LOOKED_BACK = 8  # frames before a cut without another one: what came earlier no longer counts at it
LOOKED_AHEAD = 8  # frames after it in which no shot may continue: a flash is at most 6 frames long


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a frame after the first pass."""

    time: Fraction
    """Seconds."""
    is_cut: bool
    is_odd: bool
    """Whether it is blank, or a shot continues with it after an interruption."""
    repaint: float = 0.0
    """How much of it will be repainted, see ``expected_repaint``; 0 where no part of a shot may begin."""


def choose_starts(
    looks: Sequence[Look], end: Fraction, limit: Fraction, *, splits_shots: bool
) -> list[tuple[int, bool]]:
    """The first frame of each segment, and whether a shot begins with it.

    As many whole shots as fit into ``limit`` seconds make a segment. A longer shot is cut into parts of at
    most ``limit``, each where most will be repainted in the second half of it, if ``splits_shots``; it is one
    segment otherwise. The film ends at ``end`` (s).
    """
    shots = [0, *(place for place in range(1, len(looks)) if _begins_shot(looks, place))]
    starts = [(0, True)]
    for shot, after in pairwise([*shots, len(looks)]):
        close = end if after == len(looks) else looks[after].time
        if shot > starts[-1][0] and close - looks[starts[-1][0]].time > limit:
            starts.append((shot, True))
        while splits_shots and close - looks[starts[-1][0]].time > limit:
            part = _part_of(looks, max(starts[-1][0], shot), after, limit)
            if part is None:
                break
            starts.append((part, False))
    return starts


def _begins_shot(looks: Sequence[Look], place: int) -> bool:
    """Whether a shot begins at ``place`` that nothing near it can turn out to be a part of another."""
    if not looks[place].is_cut:
        return False
    near = range(max(1, place - LOOKED_BACK), min(len(looks), place + LOOKED_AHEAD + 1))
    return not any(looks[other].is_cut or looks[other].is_odd for other in near if other != place) and not (
        looks[place].is_odd
    )


def _part_of(looks: Sequence[Look], begin: int, end: int, limit: Fraction) -> int | None:
    """The frame before ``end`` at which the part that begins at ``begin`` is over; None if there is none.

    Where a frame lasts so long that none begins in the second half of the part, it is the last one before,
    or the next one if there is none.
    """
    first, last = looks[begin].time + limit / 2, looks[begin].time + limit
    within = [place for place in range(begin + 1, end) if looks[place].time <= last]
    late = [place for place in within if looks[place].time >= first]
    if late:
        return max(late, key=lambda place: looks[place].repaint)
    return within[-1] if within else begin + 1 if begin + 1 < end else None
