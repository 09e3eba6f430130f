"""The motion of a frame as a whole is found under things that move otherwise."""

from __future__ import annotations

import numpy as np

from vidstyle.flow.affine import affine, along

PAN_AND_ZOOM = np.array([[3.0, -1.0], [5.0, 0.0], [0.0, 4.0]])  # px; x grows by 5 px across, y by 4


def test_a_pan_with_a_zoom_is_found_exactly() -> None:
    flow = along(PAN_AND_ZOOM, 45, 80)
    assert np.abs(affine(flow) - PAN_AND_ZOOM).max() < 1e-3


def test_a_third_of_the_picture_that_moves_otherwise_does_not_count() -> None:
    flow = along(PAN_AND_ZOOM, 45, 80)
    flow[10:40, 20:60] += (6.0, 9.0)
    assert np.abs(affine(flow) - PAN_AND_ZOOM).max() < 0.05


def test_a_fit_of_a_coarse_flow_holds_for_a_fine_one() -> None:
    fine = along(PAN_AND_ZOOM, 240, 320)
    coarse = fine.reshape(24, 10, 32, 10, 2).mean((1, 3))
    assert np.abs(along(affine(coarse), 240, 320) - fine).max() < 0.01


def test_a_flow_of_one_line_or_one_pixel_has_a_fit() -> None:
    for shape in ((1, 1), (1, 30), (30, 1)):
        flow = np.full((*shape, 2), 2.5, np.float32)
        assert np.abs(along(affine(flow), *shape) - 2.5).max() < 0.01
