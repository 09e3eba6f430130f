"""Losses that compare looks of parts with the style's, against slow, plain references."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from vidstyle.losses.base import Step
from vidstyle.losses.ripple import Ripple, fineness
from vidstyle.losses.step_features import at_area
from vidstyle.losses.tones import Tones
from vidstyle.testing.losses import make_step

Array = NDArray[np.float64]
SIDE = 24


@pytest.fixture
def step() -> Step:
    """Pictures whose left part is rough, and square styles, which losses need not scale."""
    generator = torch.Generator().manual_seed(4)
    rough = torch.rand(2, 3, SIDE, 40, generator=generator)
    soft = F.interpolate(torch.rand(2, 3, 8, 12, generator=generator), (SIDE, 40), mode="bilinear")
    painted = torch.cat([rough[..., :16], soft[..., 16:]], 3)
    small = torch.rand(2, 3, 14, 14, generator=generator)
    styles = torch.split(F.interpolate(small, (SIDE, SIDE), mode="bilinear"), 1)
    return replace(make_step(), painted=painted, styles=styles)


def array(image: torch.Tensor) -> Array:
    return image.double().numpy()


def blurred(image: Array, taps: Sequence[int]) -> Array:
    """(C, H, W) blurred by ``taps`` both ways, reflected at its border."""
    rim = len(taps) // 2
    padded = np.pad(image, ((0, 0), (rim, rim), (rim, rim)), mode="reflect")
    found = np.zeros_like(image)
    for (row, down), (column, across) in itertools.product(enumerate(taps), repeat=2):
        weight = down * across / sum(taps) ** 2
        found += weight * padded[:, row : row + image.shape[1], column : column + image.shape[2]]
    return found


def parts_of(image: Array, side: int) -> list[Array]:
    places = itertools.product(range(0, image.shape[1], side), range(0, image.shape[2], side))
    return [image[:, top : top + side, left : left + side] for top, left in places]


def fineness_of(image: Array, side: int) -> list[float]:
    once = blurred(image, (1, 2, 1))
    twice = blurred(once, (1, 4, 6, 4, 1))
    energies = [[(part**2).mean() for part in parts_of(band, side)] for band in (image - once, once - twice)]
    return [fine / (fine + coarse + (0.5 / 255) ** 2) for fine, coarse in zip(*energies, strict=True)]


def test_ripple_is_detail_finer_than_that_of_half_of_the_style(step: Step) -> None:
    excesses = []
    for image, style in zip(array(step.painted), step.styles, strict=True):
        limit = sorted(fineness_of(array(style)[0], 8))[4]  # of nine parts
        excesses += [max(0.0, value - limit) for value in fineness_of(image, 8)]
    assert 0 < sum(value > 0 for value in excesses) < len(excesses)
    assert float(Ripple(part=8, side=SIDE)(step)) == pytest.approx(np.mean(excesses), rel=1e-4)


def test_ripple_finds_faint_waves_on_a_wall_and_passes_over_even_grain(step: Step) -> None:
    generator = torch.Generator().manual_seed(6)
    across = torch.arange(64.0).expand(1, 3, 64, 64)
    wave = 0.5 + 1.6 / 255 * torch.sin(2 * math.pi * across / 2.7)
    grain = 0.5 + 0.1 * F.interpolate(
        torch.randn(1, 3, 34, 34, generator=generator), (64, 64), mode="bilinear"
    )
    assert float(fineness(wave, 16).min()) > 0.75
    found = [
        float(Ripple(side=64)(replace(step, painted=image, styles=(grain.flip(3),))))
        for image in (wave, grain)
    ]
    assert found[0] > 0.1
    assert found[1] < 0.02


@pytest.mark.parametrize(("contrast", "is_plain"), [(1.0, True), (3.0, False)])
def test_tones_are_distances_between_sorted_colours_of_cells(
    step: Step, contrast: float, is_plain: bool
) -> None:
    step = replace(step, styles=tuple(0.5 + contrast * (style - 0.5) for style in step.styles))
    drawn = array(torch.randn(3, 5, generator=torch.Generator().manual_seed(9)))
    directions = [direction / math.sqrt((direction**2).sum()) for direction in drawn.T]
    distances = []
    for image, style in zip(array(step.painted), step.styles, strict=True):
        ours, theirs = ([cell.mean((1, 2)) for cell in parts_of(one, 4)] for one in (image, array(style)[0]))
        gaps, variances = [], []
        for direction in directions:
            found, wanted = (
                sorted(float(color @ direction) for color in colors) for colors in (ours, theirs)
            )
            variances.append(np.var(wanted))
            for place, value in enumerate(found):
                where = min(max((place + 0.5) / len(found) * len(wanted) - 0.5, 0.0), len(wanted) - 1.001)
                low, share = math.floor(where), where % 1
                gaps.append((value - (1 - share) * wanted[low] - share * wanted[low + 1]) ** 2)
        assert (np.mean(variances) < (32 / 255) ** 2) == is_plain
        distances.append(np.mean(gaps) / max(np.mean(variances), (32 / 255) ** 2))
    again = replace(step, generator=torch.Generator().manual_seed(9))
    assert float(Tones(cell=4, side=SIDE, directions=5)(again)) == pytest.approx(np.mean(distances), rel=1e-4)


def test_tones_do_not_ask_where_colours_are_but_how_strong(step: Step) -> None:
    generator = torch.Generator().manual_seed(7)
    style = torch.rand(1, 3, 8, 8, generator=generator).repeat_interleave(8, 2).repeat_interleave(8, 3)
    grey = style.mean((2, 3), True).expand_as(style)
    elsewhere, paler, none = (
        float(Tones(side=64)(replace(step, painted=image, styles=(style,))))
        for image in (style.flip(2, 3), 0.5 + 0.74 * (style - 0.5), grey)
    )
    assert elsewhere < 1e-6
    assert 0.05 < paler < 0.15
    assert 0.9 < none < 1.2


def test_styles_are_looked_at_in_an_area_of_the_side_given(step: Step) -> None:
    wide = tuple(
        F.interpolate(torch.rand(1, 3, 9, 14, generator=torch.Generator().manual_seed(n)), (40, 90))
        for n in range(2)
    )
    scaled = tuple(at_area(style, SIDE) for style in wide)
    assert scaled[0].shape == (1, 3, 16, 36)
    given, before = (replace(step, styles=styles) for styles in (wide, scaled))
    assert float(Ripple(part=8, side=SIDE)(given)) == float(Ripple(part=8, side=SIDE)(before))
    found = [
        float(Tones(side=SIDE)(replace(one, generator=torch.Generator().manual_seed(1))))
        for one in (given, before)
    ]
    assert found[0] == found[1]


def test_a_plain_style_does_not_outweigh_all_others(step: Step) -> None:
    plain = tuple(torch.full((1, 3, SIDE, SIDE), 0.5) for _ in range(2))
    value = float(Tones(side=SIDE)(replace(step, styles=plain)))
    colors = F.avg_pool2d(step.painted, 8)
    expected = float((colors - 0.5).square().mean()) / (32 / 255) ** 2
    assert value == pytest.approx(expected, rel=0.5)  # the directions are drawn
    assert 0.1 < value < 4


@pytest.mark.parametrize("size", [(3, 3), (7, 5), (37, 50)])
def test_pictures_smaller_than_a_part_and_odd_sides_are_judged(step: Step, size: tuple[int, int]) -> None:
    painted = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(2))
    for loss in (Ripple(), Tones()):
        assert math.isfinite(float(loss(replace(step, painted=painted))))


@pytest.mark.parametrize("level", [0.5, 0.7, 0.8])
def test_mixed_precision_sees_the_same_ripples_and_tones(step: Step, level: float) -> None:
    across = torch.arange(64.0).expand(2, 3, 64, 64)
    wave = level + 1.6 / 255 * torch.sin(2 * math.pi * across / 2.7)
    for loss in (Ripple(side=SIDE), Tones(side=SIDE)):
        exact, mixed = (replace(step, painted=wave, generator=torch.Generator().manual_seed(1)) for _ in "ab")
        with torch.autocast("cpu", torch.bfloat16):
            found = loss(mixed)
        assert found.dtype == torch.float32
        assert float(found) == float(loss(exact))
