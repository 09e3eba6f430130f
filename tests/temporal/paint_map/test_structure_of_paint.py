"""Old paint is judged by the structure of the frame: what has lost it is painted anew, what has it stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scenes import change, flickering, ground, shot

from vidstyle.flow.base import Array
from vidstyle.frames import Pixels
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.temporal.paint_map import edge_structure
from vidstyle.temporal.paint_map.paint_map import PaintMap
from vidstyle.temporal.paint_map.settings import DEFAULTS, MapLayout, MapSettings

HEIGHT, WIDTH = 180, 320
BLIND = replace(DEFAULTS, structure=9.0, structure_ground=9.0, ghost=9.0)
GROUND = ground(HEIGHT, WIDTH)
COAT = ground(HEIGHT, WIDTH, seed=5)
LAYOUT = MapLayout.of((HEIGHT, WIDTH), 1, None, 4)
RASTERS: list[Callable[[], AnyRaster]] = [CvRaster, lambda: TorchRaster("cpu")]


def disc(x: float, y: float = 90.0, radius: int = 28) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(mask, (round(16 * x), round(16 * y)), 16 * radius, 1.0, -1, cv2.LINE_AA, 4)
    return mask


def walk(index: int) -> Pixels:
    """A textured disc that walks over textured ground, 3 px a frame."""
    weight = disc(60 + 3 * index)[..., None]
    coat = np.roll(COAT, round(3 * index), 1)
    return shot(GROUND * (1 - weight) + coat * weight)


def walked(settings: MapSettings, count: int = 24) -> list[tuple[Pixels, Pixels, Pixels]]:
    """Content, fresh painting and result of each frame, painted whole every eighth frame."""
    paint_map, found = PaintMap(settings=settings), []
    for index in range(count):
        content = walk(index)
        painting = flickering(content, seed=index, amount=8.0)
        need = paint_map.plan(content)
        valid = None
        if index % 8:
            grown = cv2.dilate(need.mask.astype(np.uint8), np.ones((9, 9), np.uint8))
            valid = cv2.resize(grown, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST) > 0
        found.append((content, painting, paint_map.settle(painting, valid)))
    return found


def kept(raster: AnyRaster, content: Pixels, result: Pixels) -> Array:
    small = [raster.downsample(raster.from_samples(each), *LAYOUT.decisions) for each in (content, result)]
    edges = [edge_structure.edges(raster, LAYOUT, each) for each in small]
    found: Array = np.asarray(edge_structure.correlation(raster, LAYOUT, DEFAULTS, *edges)[0])
    return found


def test_a_walking_disc_keeps_its_outline() -> None:
    raster = CvRaster()
    near = cv2.dilate(disc(60 + 3 * 23), np.ones((15, 15))) > 0

    def share(settings: MapSettings) -> float:
        content, painting, result = walked(settings)[-1]
        ours, alone = (kept(raster, content, each)[near].mean() for each in (result, painting))
        return float(ours / alone)

    steadied = share(DEFAULTS)
    assert steadied > 0.9
    assert steadied > share(BLIND) + 0.02


def test_ground_that_a_disc_has_left_shows_none_of_its_paint() -> None:
    left = (disc(60) > 0) & ~(cv2.dilate(disc(60 + 3 * 23), np.ones((25, 25))) > 0)
    content, _, result = walked(DEFAULTS)[-1]
    unlike = np.abs((255.0 - content) - result).mean(2)  # the painter turns colours over
    smooth = cv2.GaussianBlur(unlike, (0, 0), 3)
    assert float(np.percentile(smooth[left], 99)) < 40


def test_paint_of_a_still_scene_stays() -> None:
    paint_map = PaintMap()
    first = flickering(shot(GROUND), seed=0)
    for index in range(10):
        content = shot(GROUND, noise=1.0, seed=index)
        paint_map.plan(content)
        result = paint_map.settle(flickering(shot(GROUND), seed=index))
    assert change(result, first) < 2


@pytest.mark.parametrize("make", RASTERS, ids=["opencv", "torch"])
def test_light_and_contrast_do_not_change_the_correlation(make: Callable[[], AnyRaster]) -> None:
    raster = make()
    content = shot(GROUND)
    darker = shot(0.5 * GROUND + 20)
    assert np.median(kept(raster, content, content)) > 0.999
    assert np.median(kept(raster, content, darker)) > 0.99
    assert np.median(kept(raster, content, shot(COAT))) < 0.3


@pytest.mark.parametrize("make", RASTERS, ids=["opencv", "torch"])
def test_a_disc_moves_and_the_panning_ground_does_not(make: Callable[[], AnyRaster]) -> None:
    raster = make()
    weight = disc(100)
    motion = raster.from_array(4.0 + 3.0 * weight), raster.from_array(-1.0 + 0 * weight)
    found = np.asarray(edge_structure.moving(raster, LAYOUT, motion))
    assert found[weight > 0].min() == 1
    assert found[:, 200:].max() == 0


def test_where_most_of_the_picture_moves_on_its_own_there_is_no_ground() -> None:
    raster = CvRaster()
    x = np.random.default_rng(1).normal(0, 6, (HEIGHT, WIDTH)).astype(np.float32)
    assert edge_structure.moving(raster, LAYOUT, (x, x)).max() == 0


def test_both_rasters_find_the_same_structure() -> None:
    one, other = (kept(make(), walk(0), walk(4)) for make in RASTERS)
    assert np.abs(one - other).max() < 0.05


def test_a_map_comes_to_rest_when_the_picture_does() -> None:
    paint_map, shares, results = PaintMap(), [], []
    for index in range(44):
        content = walk(min(index, 6))
        need = paint_map.plan(content)
        result = paint_map.settle(flickering(content, seed=index, amount=8.0))
        shares.append(need.share)
        results.append(result)
    assert max(shares[7:]) == 0
    assert change(results[7], results[6]) > 0  # what was on its way fades on
    assert np.array_equal(results[-1], results[-2])
