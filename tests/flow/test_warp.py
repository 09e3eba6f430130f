"""Pictures moved along a flow: which way, what lies outside, and what is in between pixels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vidstyle.flow.warp import warp

MODES = ["bilinear", "bicubic", "nearest"]


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def constant(dx: float, dy: float, height: int, width: int) -> Tensor:
    """(1, 2, H, W) px, the same everywhere."""
    return torch.tensor([dx, dy]).view(1, 2, 1, 1).expand(1, 2, height, width)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(9, 14), (37, 53), (1, 6), (6, 1), (1, 1)], ids=str)
def test_no_motion_changes_nothing(mode: str, size: tuple[int, int]) -> None:
    picture = noise(1, 3, *size)
    warped, inside = warp(picture, constant(0, 0, *size), mode)
    assert torch.allclose(warped, picture, atol=1e-5)
    assert inside.shape == (1, 1, *size) and inside.dtype == torch.bool and inside.all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (-4, 5)])
def test_each_pixel_comes_from_where_the_flow_points(mode: str, dx: int, dy: int) -> None:
    picture = noise(1, 2, 12, 17)
    warped, inside = warp(picture, constant(dx, dy, 12, 17), mode)
    expected = picture.roll((-dy, -dx), (2, 3))  # right where nothing wrapped round
    assert torch.allclose(warped * inside, expected * inside, atol=1e-5)
    assert int(inside.sum()) == (12 - abs(dy)) * (17 - abs(dx))


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_outside_the_nearest_edge_is_seen(mode: str) -> None:
    picture = noise(1, 3, 8, 10)
    warped, inside = warp(picture, constant(100, 0, 8, 10), mode)
    assert not inside.any()
    assert torch.allclose(warped, picture[..., -1:].expand_as(warped), atol=1e-5)


def test_inside_ends_at_the_outermost_pixels() -> None:
    picture = noise(1, 1, 4, 5)
    assert warp(picture, constant(0.01, 0, 4, 5))[1][0, 0].tolist() == [[True] * 4 + [False]] * 4
    assert warp(picture, constant(0, -0.01, 4, 5))[1][0, 0].tolist() == [[False] * 5] + [[True] * 5] * 3


def test_between_pixels_a_bilinear_warp_is_their_mean() -> None:
    picture = noise(1, 3, 6, 7)
    across, _ = warp(picture, constant(0.5, 0, 6, 7))
    down, _ = warp(picture, constant(0, 0.25, 6, 7))
    assert torch.allclose(across[..., :-1], (picture[..., :-1] + picture[..., 1:]) / 2, atol=1e-5)
    assert torch.allclose(down[:, :, :-1], 0.75 * picture[:, :, :-1] + 0.25 * picture[:, :, 1:], atol=1e-5)


def test_bicubic_is_sharper_than_bilinear() -> None:
    waves = torch.sin(torch.arange(60) * 1.5).view(1, 1, 1, 60).expand(1, 1, 20, 60)
    truth = torch.sin((torch.arange(60) + 0.5) * 1.5)[10:50]

    def error(mode: str) -> float:
        warped, _ = warp(waves, constant(0.5, 0, 20, 60), mode)
        return float((warped[0, 0, 10, 10:50] - truth).abs().mean())

    assert error("bicubic") < 0.6 * error("bilinear")


def test_each_of_a_batch_follows_its_own_flow() -> None:
    pictures = noise(2, 3, 8, 9)
    flows = torch.cat([constant(2, 0, 8, 9), constant(0, -3, 8, 9)])
    together, inside = warp(pictures, flows)
    for index in range(2):
        alone, alone_inside = warp(pictures[index : index + 1], flows[index : index + 1])
        assert torch.equal(together[index], alone[0])
        assert torch.equal(inside[index], alone_inside[0])


def test_a_flow_may_differ_from_pixel_to_pixel() -> None:
    picture = noise(1, 1, 5, 6)
    flow = torch.zeros(1, 2, 5, 6)
    flow[0, 0, 2, 3], flow[0, 1, 2, 3] = 2, -1
    warped, _ = warp(picture, flow)
    assert warped[0, 0, 2, 3] == pytest.approx(float(picture[0, 0, 1, 5]), abs=1e-5)
    warped[0, 0, 2, 3] = picture[0, 0, 2, 3]
    assert torch.allclose(warped, picture, atol=1e-5)
