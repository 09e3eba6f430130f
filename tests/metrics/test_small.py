"""The measure of small things: a pilot, a rope and what paint does to them."""

from __future__ import annotations

import pytest
import torch
from disc import HEIGHT, WIDTH, blotches, blurred, color, measured
from torch import Tensor
from truth import still

from vidstyle.metrics.small import Small, SmallKept, small_things

PILOT = (..., slice(80, 86), slice(150, 154))
ROPE = (..., slice(30, 80), slice(151, 152))


def sky(*, has_pilot: bool = True, contrast: float = 1.0) -> Tensor:
    """A calm sky, and a pilot of 4x6 px under a rope."""
    picture = color(0.5, 0.7, 0.9).expand(1, 3, HEIGHT, WIDTH) + 0.01 * blotches(1, size=6)
    for place in (PILOT, ROPE) if has_pilot else ():
        picture[place] += contrast * (0.15 - picture[place])
    return picture


def strokes(strength: float) -> Tensor:
    return strength * blotches(3, size=2)


SCENE = still(sky(), 2)


def value(picture: Tensor) -> float:
    return measured(Small(), SCENE, [picture] * 2)[0]


def test_a_pilot_and_a_rope_are_small_things_and_the_sky_is_none() -> None:
    things = small_things(sky())
    assert things[PILOT].all()
    assert things[ROPE].all()
    assert things.double().mean() < 0.015
    assert not small_things(sky(has_pilot=False)).any()


@pytest.mark.parametrize(
    "picture",
    [
        (sky() + 0.3 * (torch.arange(WIDTH) > 200)).clamp(0, 1),
        (0.5 + 0.15 * blotches(4)).clamp(0, 1),
    ],
    ids=["a large outline", "leaves among leaves"],
)
def test_outlines_and_texture_are_hardly_any(picture: Tensor) -> None:
    things = small_things(picture)
    things[..., 25:92, 145:160] = False
    assert things.double().mean() < 0.02


def test_the_clip_keeps_all_and_paint_over_them_nothing() -> None:
    assert value(sky()) == pytest.approx(1)
    assert value(sky(has_pilot=False) + strokes(0.05)) == pytest.approx(0, abs=0.15)


def test_what_drowns_in_strokes_counts_less() -> None:
    values = [value(sky(contrast=contrast) + strokes(0.05)) for contrast in (1.0, 0.5, 0.2, 0.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.9
    assert values[2] < 0.8


def test_detail_given_back_is_more_than_alone_has() -> None:
    baseline, ours = sky(contrast=0.3) + strokes(0.05), sky(contrast=0.8) + strokes(0.05)
    (kept,) = measured(SmallKept(), SCENE, [ours] * 2, baseline=[baseline] * 2)
    assert kept > 1.1


def test_blur_loses_them() -> None:
    assert value(blurred(sky() + strokes(0.02), 4)) < 0.8


def test_a_clip_without_small_things_has_no_value() -> None:
    metric = Small()
    calm = sky(has_pilot=False)
    with pytest.raises(AssertionError):
        measured(metric, still(calm, 2), [calm] * 2)
    assert metric.result() is None
