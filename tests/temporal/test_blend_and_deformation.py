"""The classic blend, and the measure of deformed strokes."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import change, flickering, ground, sharpness, shot, view

from vidstyle.errors import OptionError
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.blend import WEIGHT, Blend
from vidstyle.temporal.paint_map import deformation

HEIGHT, WIDTH = 96, 160
GROUND = ground(3 * HEIGHT, 3 * WIDTH)


def test_a_blend_mixes_at_its_weight_where_nothing_moves() -> None:
    content = shot(view(GROUND, 240, 144, 1, HEIGHT, WIDTH))
    blend = Blend()
    for value in (100, 200):
        need = blend.plan(content)
        result = blend.settle(np.full_like(content, value))
    assert need.share == 1
    assert abs(float(result.mean()) - (WEIGHT * 100 + (1 - WEIGHT) * 200)) < 1


def test_a_blend_softens_where_the_map_does_not() -> None:
    content = shot(view(GROUND, 240, 144, 1, HEIGHT, WIDTH))
    blend = Blend()
    for i in range(12):
        blend.plan(content)
        painting = flickering(content, i)
        result = blend.settle(painting)
    assert sharpness(result) < 0.6 * sharpness(painting)


def test_a_blend_trusts_nothing_after_a_jump() -> None:
    blend = Blend()
    other = ground(HEIGHT, WIDTH, seed=5)
    for content in (shot(view(GROUND, 240, 144, 1, HEIGHT, WIDTH)), shot(other)):
        blend.plan(content)
        result = blend.settle(content)
    assert change(result, content) < 20


@pytest.mark.parametrize("stability", [0.0, 1.5])
def test_a_blend_refuses_a_stability_out_of_range(stability: float) -> None:
    with pytest.raises(OptionError, match="stability"):
        Blend(stability=stability)


@pytest.mark.parametrize(("zoom", "expected"), [(1.02, 1.02**10), (1 / 1.02, 1.02**10)])
def test_stretch_adds_up_over_frames(zoom: float, expected: float) -> None:
    raster = CvRaster()
    x, y = raster.grid(40, 60)
    motion = ((x - 30) * np.float32(zoom - 1), (y - 20) * np.float32(zoom - 1))
    jacobian = deformation.identity(raster, 40, 60)
    for _ in range(10):
        near = raster.rint(x + motion[0]), raster.rint(y + motion[1])
        jacobian = deformation.propagate(raster, jacobian, *near, motion, 1.0)
    middle = deformation.stretch(raster, jacobian)[12:-12, 12:-12]
    np.testing.assert_allclose(middle, expected, rtol=0.01)


def test_a_turn_stretches_nothing() -> None:
    raster = CvRaster()
    x, y = raster.grid(40, 60)
    sine, cosine = np.float32(np.sin(0.1)), np.float32(np.cos(0.1))
    motion = (cosine * x - sine * y - x, sine * x + cosine * y - y)
    np.testing.assert_allclose(deformation.tear(raster, motion)[1:-1, 1:-1], 1.0, atol=1e-3)


def test_uncovered_ground_is_torn_and_covered_ground_is_not() -> None:
    raster = CvRaster()
    x, _ = raster.grid(40, 60)
    # two halves that part: what is between them now was nowhere before
    parting = np.where(x < 30, np.float32(2), np.float32(-2)), np.zeros_like(x)
    torn = deformation.tear(raster, parting)
    assert torn[:, 28:32].max() > 1.75
    assert torn[:, :25].max() < 1.01
    closing = -parting[0], parting[1]
    assert deformation.tear(raster, closing).max() < 1.01


def test_strokes_beside_a_covering_edge_stay_as_they_are() -> None:
    raster = CvRaster()
    x, y = raster.grid(40, 60)
    closing = np.where(x < 30, np.float32(-2), np.float32(2)), np.zeros_like(x)
    near = raster.rint(x + closing[0]), raster.rint(y)
    jacobian = deformation.propagate(raster, deformation.identity(raster, 40, 60), *near, closing, 1.0)
    assert deformation.stretch(raster, jacobian).max() < 1.3
