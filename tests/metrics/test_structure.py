"""The measure of structure checked against made faults: blur, doubled outlines, haze, paint left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from disc import (
    DISC,
    GROUND,
    blotches,
    blurred,
    doubled,
    inside,
    left_behind,
    measured,
    passing_disc,
    smeared,
)
from torch import Tensor
from truth import grid, still

from vidstyle.metrics.base import Setup
from vidstyle.metrics.structure import (
    Ground,
    GroundKept,
    MovingKept,
    edges,
    has_edges,
    moving,
    structure,
)
from vidstyle.metrics.structure import Moving as OnMoving

SCENE = passing_disc(9)
LUMA = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)


def moving_and_ground(
    results: Sequence[Tensor], baseline: Sequence[Tensor] | None = None
) -> tuple[float, ...]:
    setup = Setup()
    return tuple(measured([OnMoving(setup), Ground(setup)], SCENE, results, baseline=baseline))


def test_the_clip_itself_keeps_all() -> None:
    assert moving_and_ground(SCENE.frames) == pytest.approx((1, 1), abs=1e-6)


@pytest.mark.parametrize(("sigma", "on_moving", "on_ground"), [(1.5, 0.98, 0.92), (3, 0.85, 0.58)])
def test_blur_lowers_it_most_where_detail_is_fine(sigma: float, on_moving: float, on_ground: float) -> None:
    soft = [blurred(frame, sigma) for frame in SCENE.frames]
    assert moving_and_ground(soft) == pytest.approx((on_moving, on_ground), abs=0.03)


@pytest.mark.parametrize(
    ("results", "on_moving"),
    [
        (doubled(SCENE.frames, 2), 0.72),
        (smeared(SCENE.frames, 0.5), 0.86),
        (smeared(SCENE.frames, 0.8), 0.45),
        (left_behind(SCENE.frames, stays=1), 0.69),
        (left_behind(SCENE.frames, stays=8), 0.59),
    ],
    ids=["doubled outline", "light haze", "heavy haze", "paint left for a frame", "paint left for eight"],
)
def test_what_goes_wrong_behind_a_moving_thing_lowers_it_there(
    results: list[Tensor], on_moving: float
) -> None:
    moves, ground = moving_and_ground(results)
    assert moves == pytest.approx(on_moving, abs=0.02)
    assert 0.96 < ground < 1


def test_more_haze_keeps_less() -> None:
    values = [measured(OnMoving(), SCENE, smeared(SCENE.frames, share)) for share in (0.3, 0.6, 0.9)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame * 0.7 + 0.25,
        lambda frame: frame * 0.4,
        lambda frame: 1 - frame,
        lambda frame: frame + 0.1 * (chroma := blotches(7)) - 0.1 * (chroma * LUMA).sum(1, keepdim=True),
    ],
    ids=["brightness", "contrast", "inverted", "colour"],
)
def test_brightness_contrast_and_colour_do_not_change_it(change: Callable[[Tensor], Tensor]) -> None:
    values = moving_and_ground([change(frame) for frame in SCENE.frames])
    assert values == pytest.approx((1, 1), abs=0.01)


def test_strokes_that_know_nothing_of_the_clip_keep_nothing() -> None:
    strokes = [0.5 + 0.1 * blotches(20 + n) for n in range(len(SCENE.frames))]
    assert moving_and_ground(strokes) == pytest.approx((0, 0), abs=0.1)


def test_what_the_painting_loses_by_itself_is_not_held_against_it() -> None:
    fresh, setup = [blurred(frame, 2) for frame in SCENE.frames], Setup()
    kept = measured([MovingKept(setup), GroundKept(setup)], SCENE, fresh, baseline=fresh)
    assert kept == pytest.approx([1, 1])
    hazy = smeared(fresh, 0.7)
    ours, ratio = measured([OnMoving(setup), MovingKept(setup)], SCENE, hazy, baseline=fresh)
    assert ratio == pytest.approx(ours / measured(OnMoving(setup), SCENE, fresh)[0])


def test_a_clip_in_which_nothing_moves_has_a_ground_only() -> None:
    metric = OnMoving()
    with pytest.raises(AssertionError):
        measured(metric, still(GROUND, 3), [GROUND] * 3)
    assert metric.result() is None
    assert measured(Ground(), still(GROUND, 3), [GROUND] * 3) == pytest.approx([1])


def test_a_gust_in_one_frame_of_many_says_nothing_of_what_moves() -> None:
    gust, calm = passing_disc(2), still(SCENE.frames[0], 30)
    metric = OnMoving()
    measured(metric, gust, gust.frames)
    assert metric.result() is not None
    with pytest.raises(AssertionError):
        measured(metric, calm, calm.frames)
    assert metric.result() is None


def test_flat_places_agree_and_a_flat_place_agrees_with_no_texture() -> None:
    flat = torch.full_like(GROUND, 0.5)
    faint = flat + 1e-4 * blotches(5)  # rounding, not structure
    assert structure(flat, faint).min() > 0.99
    assert structure(flat, GROUND).mean() < 0.1


def test_edges_are_the_strongest_three_fifths() -> None:
    assert has_edges(DISC).float().mean() == pytest.approx(0.6, abs=1e-3)
    assert not has_edges(torch.full_like(GROUND, 0.5)).any()


def test_a_ramp_has_edges_of_its_slope() -> None:
    ramp = grid(40, 60)[0].float() * 0.01
    assert edges(ramp.expand(1, 3, 40, 60))[0, 0, 20, 30] == pytest.approx(0.01, rel=1e-4)


def test_the_size_does_not_matter() -> None:
    large = [F.interpolate(picture, scale_factor=2, mode="bicubic") for picture in (GROUND, DISC)]
    mixed = [0.5 * (one + other) for one, other in ((GROUND, DISC), large)]
    larger = [F.interpolate(picture, scale_factor=2, mode="bicubic") for picture in (large[0], mixed[1])]
    value = structure(large[0], mixed[1]).mean()
    assert structure(larger[0], larger[1]).mean() == pytest.approx(float(value), abs=0.01)


def camera(across: float = 0.0, zoom: float = 1.0) -> Tensor:
    """The flow (1, 2, H, W) of a pan and a zoom, with 0.1 px of noise."""
    x, y = grid(*GROUND.shape[-2:])
    flow = torch.stack([(zoom - 1) * (x - 160) + across, (zoom - 1) * (y - 90)])[None].float()
    return flow + 0.1 * torch.randn(flow.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("flow", [camera(), camera(12), camera(-3, 1.04)], ids=["still", "pan", "zoom"])
def test_only_what_moves_against_the_camera_moves(flow: Tensor) -> None:
    assert not moving(flow).any()
    disc = inside(4)
    against = flow + disc * torch.tensor([2.0, 1.0]).view(1, 2, 1, 1)
    found = moving(against)
    assert found[disc].all()
    near = F.max_pool2d(disc.float(), 11, 1, 5) > 0  # 9 px at 360 lines are 4 or 5 here
    assert not (found & ~near).any()


@pytest.mark.parametrize(("speed", "is_seen"), [(0.6, False), (0.8, True)])
def test_motion_counts_from_seven_tenths_of_a_pixel(speed: float, is_seen: bool) -> None:
    flow = inside(3) * torch.tensor([speed, 0.0]).view(1, 2, 1, 1)
    assert bool(moving(flow).any()) is is_seen


def test_a_thing_that_fills_two_fifths_of_the_frame_does_not_carry_the_camera_with_it() -> None:
    flow = torch.zeros(1, 2, 180, 320)
    flow[..., :128] = 5
    found = moving(flow)
    assert found[..., :128].all()
    assert not found[..., 140:].any()
