"""The guided filter against its formula window by window, and what it promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.nn.guided_filter import guided, reach, smoothed


def noise(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def reference(picture: Tensor, guide: Tensor, radius: int, slack: float) -> NDArray[np.float64]:
    """He et al. 2010, eq. 19 to 21: a fit in the window around each pixel, and the mean of all fits there."""
    seen, wanted = (part[0].double().numpy() for part in (guide, picture))
    _, height, width = seen.shape
    slopes, offsets = np.zeros((height, width, 3, 3)), np.zeros((height, width, 3))

    def window(row: int, column: int) -> tuple[slice, slice]:
        return tuple(slice(max(0, at - radius), at + radius + 1) for at in (row, column))  # type: ignore[return-value]

    for row in range(height):
        for column in range(width):
            inside = (slice(None), *window(row, column))
            one, other = seen[inside].reshape(3, -1), wanted[inside].reshape(3, -1)
            covariance = np.cov(one, bias=True) + slack * np.eye(3)
            crossed = (one - one.mean(1, keepdims=True)) @ other.T / one.shape[1]
            slopes[row, column] = np.linalg.solve(covariance, crossed)
            offsets[row, column] = other.mean(1) - one.mean(1) @ slopes[row, column]
    result = np.zeros_like(wanted)
    for row in range(height):
        for column in range(width):
            near = window(row, column)
            slope, offset = slopes[near].mean((0, 1)), offsets[near].mean((0, 1))
            result[:, row, column] = seen[:, row, column] @ slope + offset
    return result


@pytest.mark.parametrize("radius", [1, 3])
def test_it_is_the_mean_of_the_fits_of_all_windows_around_a_pixel(radius: int) -> None:
    picture, guide = noise(12, 9), noise(12, 9, 1)
    expected = reference(picture, guide, radius, 0.01)
    assert np.abs(guided(picture, guide, radius=radius, slack=0.01)[0].numpy() - expected).max() < 1e-5


@pytest.mark.parametrize("cell", [1, 2, 4])
def test_a_linear_function_of_the_guide_passes_unchanged(cell: int) -> None:
    guide = noise(32, 48)
    matrix = torch.tensor([[0.5, 0.2, 0.0], [-0.3, 0.8, 0.1], [0.0, 0.4, 1.5]])
    picture = torch.einsum("oi,bihw->bohw", matrix, guide) + 0.1
    assert (guided(picture, guide, radius=3, slack=1e-7, cell=cell) - picture).abs().max() < 1e-3


def test_a_blurred_change_gets_the_edges_of_the_guide() -> None:
    guide = torch.zeros(1, 3, 32, 64)
    guide[..., 32:] = 0.8
    change = F.avg_pool2d(F.pad(0.5 * guide, (6, 6, 0, 0), mode="replicate"), (1, 13), 1)
    sharp = guided(change, guide, radius=8, slack=1e-4, cell=2)
    assert float((change - 0.5 * guide).abs().amax()) > 0.15
    assert float((sharp - 0.5 * guide).abs().amax()) < 0.07


def test_a_result_depends_on_its_reach_only() -> None:
    picture, guide, far = noise(32, 96), noise(32, 96, 1), reach(3, 4)
    before = guided(picture, guide, radius=3, slack=1e-3, cell=4)
    for part in (picture, guide):
        part[..., 32 + far :] = 0.0
    after = guided(picture, guide, radius=3, slack=1e-3, cell=4)
    assert torch.equal(before[..., :32], after[..., :32])
    assert not torch.equal(before[..., 32:48], after[..., 32:48])


def test_halved_precision_of_the_input_costs_its_rounding_only() -> None:
    smooth = F.interpolate(noise(4, 6), (64, 96), mode="bicubic").clamp(0, 1)  # flat windows: tiny variances
    exact = guided(1 - smooth, smooth, radius=4, slack=1e-3, cell=2)
    coarse = guided((1 - smooth).bfloat16(), smooth.bfloat16(), radius=4, slack=1e-3, cell=2)
    assert coarse.dtype == torch.float32
    assert (coarse - exact).abs().max() < 0.01


def test_smoothing_removes_faint_noise_and_keeps_outlines_and_textures() -> None:
    grain = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    step = torch.full((1, 3, 64, 96), 0.3)
    step[..., 48:] = 0.7
    slack = (4 / 255) ** 2
    faint, strong = (
        smoothed(step + grain * levels / 255, radius=2, slack=slack, cell=4) - step for levels in (1, 20)
    )
    assert faint[..., 16:32].std() < 0.1 * 1 / 255  # plain
    assert faint[..., 46:50].mean((0, 1, 2)).abs().max() < 0.1 * 0.4  # nine tenths of the step are left
    assert strong[..., 16:32].std() > 0.9 * 20 / 255


def test_smoothing_depends_on_its_reach_only_and_keeps_the_number_format() -> None:
    image = 0.5 + 0.02 * noise(96, 128)
    whole = smoothed(image, radius=2, slack=(4 / 255) ** 2, cell=4)
    rim = reach(2, 4)
    for side, most in ((rim, 1e-6), (rim - 8, 1.0)):
        part = smoothed(image[..., 40 - side :, 40 - side :], radius=2, slack=(4 / 255) ** 2, cell=4)
        gap = (part[..., side:, side:] - whole[..., 40:, 40:]).abs().max()
        assert gap <= most and (gap > 1e-6) == (side < rim)
    assert smoothed(image.bfloat16(), radius=2, slack=0.001, cell=4).dtype is torch.bfloat16
