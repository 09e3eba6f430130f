"""Painting pixels: sizes, depths, tiles, parts, and finer strokes over enlarged ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.engines.base import Painted
from vidstyle.engines.stylenet import NormStatistics, StyleNet, build
from vidstyle.errors import InputError
from vidstyle.frames import Pixels
from vidstyle.rendering import tiles
from vidstyle.rendering.regions import Region
from vidstyle.rendering.renderer import Renderer
from vidstyle.styles.pictures import load


@pytest.fixture(scope="module")
def engine() -> StyleNet:
    return build()


@pytest.fixture(scope="module")
def embedding(engine: StyleNet) -> Tensor:
    return Renderer(engine).encode(load("mosaic"))


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """Discs and a slope, as sharp as a clip's."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    plane = 0.4 * x / width + 0.3 * (np.hypot(y % 60 - 30, x % 80 - 40) < 20) + 0.2 * (y > height / 2)
    colors = np.stack([plane, 0.9 - plane, plane * 0.5 + 0.2], -1).clip(0, 1)
    pixels: NDArray[np.uint8] = np.rint(255 * colors).astype(np.uint8)
    return pixels


def area(pixels: Pixels, height: int, width: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def deep_picture(height: int, width: int) -> NDArray[np.uint16]:
    deep: NDArray[np.uint16] = picture(height, width).astype(np.uint16) * np.uint16(257)
    return deep


@pytest.mark.parametrize("make", [picture, deep_picture])
@pytest.mark.parametrize("size", [(16, 16), (37, 53), (48, 90)])
def test_painting_has_the_size_and_depth_of_the_frame(
    engine: StyleNet, embedding: Tensor, size: tuple[int, int], make: Callable[[int, int], Pixels]
) -> None:
    pixels = make(*size)
    painted = Renderer(engine, working_size=24).paint(pixels, embedding).pixels
    assert painted.shape == pixels.shape
    assert painted.dtype == pixels.dtype
    assert painted.std() > 0


def test_deep_and_shallow_frames_are_painted_alike(engine: StyleNet, embedding: Tensor) -> None:
    pixels = picture(60, 80)
    shallow = Renderer(engine).paint(pixels, embedding).pixels
    deep = Renderer(engine).paint(deep_picture(60, 80), embedding).pixels
    assert np.abs(deep / 257.0 - shallow).max() < 1.0
    assert len(np.unique(deep)) > 256


def test_a_frame_too_small_is_refused_in_one_line(engine: StyleNet, embedding: Tensor) -> None:
    with pytest.raises(InputError, match="8x40 is too small to paint; 16x16 is the least"):
        Renderer(engine).paint(picture(40, 8), embedding)


def test_strokes_are_painted_at_the_working_size_and_never_above_the_frame(engine: StyleNet) -> None:
    painter = Renderer(engine)
    assert painter.working_shape(1080, 1920) == (480, 853)
    assert painter.working_shape(1920, 1080) == (853, 480)
    assert painter.working_shape(360, 640) == (360, 640)
    assert Renderer(engine, working_size=720).working_shape(1080, 1920) == (720, 1280)
    assert Renderer(engine, working_size=20).working_shape(400, 4000) == (20, 200)


def test_painting_over_keeps_the_tones_and_brings_sharpness(engine: StyleNet, embedding: Tensor) -> None:
    pixels = picture(180, 240)
    painter = Renderer(engine, working_size=60)
    result = painter.paint(pixels, embedding).pixels
    small = Renderer(engine).paint(area(pixels, 60, 80), embedding).pixels
    enlarged = cv2.resize(small, (240, 180), interpolation=cv2.INTER_CUBIC)
    assert np.abs(area(result, 15, 20).astype(float) - area(small, 15, 20)).mean() < 8  # 32 if not taken back
    assert cv2.Laplacian(result, cv2.CV_32F).var() > 1.5 * cv2.Laplacian(enlarged, cv2.CV_32F).var()


def test_a_frame_a_little_above_the_working_size_is_painted_once(engine: StyleNet, embedding: Tensor) -> None:
    painted = Renderer(engine, working_size=60).paint(picture(72, 96), embedding)
    assert painted.pixels.shape == (72, 96, 3)
    assert painted.statistics is not None
    assert len(painted.statistics.strokes.mean) == 344


@pytest.mark.parametrize("working_size", [None, 40])
def test_given_statistics_give_the_same_painting(
    engine: StyleNet, embedding: Tensor, working_size: int | None
) -> None:
    pixels, painter = picture(97, 130), Renderer(engine, working_size=working_size)
    first = painter.paint(pixels, embedding)
    again = painter.paint(pixels, embedding, first.statistics)
    assert np.abs(again.pixels.astype(int) - first.pixels).max() <= 1


@torch.inference_mode()
def test_tiles_equal_the_whole(engine: StyleNet, embedding: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.rand(1, 3, 187, 270)
    whole = engine.stylize(image, embedding)
    monkeypatch.setattr(StyleNet, "info", replace(StyleNet.info, largest=1000))
    monkeypatch.setattr(tiles, "STRIP", 92)
    tiled = tiles.paint_image(engine, image, embedding, whole.statistics)
    whole = engine.stylize(image, embedding, whole.statistics)
    assert (tiled.image - whole.image).abs().max() < 1e-5


def test_large_pictures_are_painted_without_seams(
    engine: StyleNet, embedding: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, painter = picture(190, 260), Renderer(engine)
    with monkeypatch.context() as small:
        small.setattr(StyleNet, "info", replace(StyleNet.info, largest=130 * 95))
        small.setattr(tiles, "STRIP", 92)
        tiled = painter.paint(pixels, embedding)
    assert tiled.statistics is not None
    whole = painter.paint(pixels, embedding, tiled.statistics)
    assert np.abs(tiled.pixels.astype(int) - whole.pixels).max() <= 1


@pytest.mark.parametrize("working_size", [None, 80])
def test_parts_equal_the_whole_where_they_are_valid(
    engine: StyleNet, embedding: Tensor, working_size: int | None
) -> None:
    pixels, painter = picture(200, 300), Renderer(engine, working_size=working_size)
    whole = painter.paint(pixels, embedding)
    assert whole.statistics is not None
    need = np.zeros((100, 150), np.bool_)
    need[5:9, 140:149] = need[70:75, 20:24] = True
    part = painter.paint_where(pixels, embedding, whole.statistics, need)
    assert part.valid is not None
    assert part.valid.mean() < 0.25
    assert part.valid[np.kron(need, np.ones((2, 2), np.bool_))].all()
    error = np.abs(part.pixels.astype(int) - painter.paint(pixels, embedding, whole.statistics).pixels)[
        part.valid
    ]
    assert error.max() <= 2
    assert error.mean() < 0.5


def test_on_a_gpu_parts_are_joined_and_those_on_a_grid_have_few_sizes(
    engine: StyleNet, embedding: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, painter = picture(240, 400), Renderer(engine)
    whole = painter.paint(pixels, embedding)
    assert whole.statistics is not None
    need = np.zeros((120, 200), np.bool_)
    need[20:24, 20:24] = need[50:54, 60:64] = True
    sizes: list[tuple[int, ...]] = []
    monkeypatch.setattr(engine, "stylize", _noted(engine.stylize, sizes))
    painter.paint_where(pixels, embedding, whole.statistics, need)
    assert len(sizes) == 2
    cost = painter._call_cost
    painter.device = torch.device("cuda")
    assert painter._call_cost == 30 * cost
    painter.device = torch.device("cpu")
    monkeypatch.setattr(Renderer, "_call_cost", 30 * cost)
    monkeypatch.setattr(StyleNet, "info", replace(StyleNet.info, grid=64))
    part = painter.paint_where(pixels, embedding, whole.statistics, need)
    assert sizes[2:] == [(192, 192)]
    assert part.valid is not None and part.valid[40:48, 40:48].all() and part.valid[100:108, 120:128].all()
    error = np.abs(part.pixels.astype(int) - painter.paint(pixels, embedding, whole.statistics).pixels)
    assert error[part.valid].max() <= 2


def _noted(
    stylize: Callable[..., Painted[NormStatistics]], sizes: list[tuple[int, ...]]
) -> Callable[..., object]:
    """``stylize``, which notes the sizes of images."""

    def noted(image: Tensor, *arguments: object) -> object:
        sizes.append(tuple(image.shape[2:]))
        return stylize(image, *arguments)

    return noted


def test_parts_of_white_noise_differ_at_their_rims_by_no_more_than_the_engine_says(
    engine: StyleNet, embedding: Tensor
) -> None:
    pixels, painter = np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8), Renderer(engine)
    whole = painter.paint(pixels, embedding)
    assert whole.statistics is not None
    need = np.zeros((100, 150), np.bool_)
    need[40:50, 60:75] = True
    part = painter.paint_where(pixels, embedding, whole.statistics, need)
    assert part.valid is not None
    error = np.abs(part.pixels.astype(int) - painter.paint(pixels, embedding, whole.statistics).pixels)[
        part.valid
    ]
    assert 0 < error.max() <= engine.info.near_error


def test_parts_are_painted_whole_where_that_is_cheaper(engine: StyleNet, embedding: Tensor) -> None:
    pixels, painter = picture(64, 96), Renderer(engine)
    whole = painter.paint(pixels, embedding)
    assert whole.statistics is not None
    part = painter.paint_where(pixels, embedding, whole.statistics, np.ones((8, 12), np.bool_))
    assert part.valid is None
    assert np.abs(part.pixels.astype(int) - whole.pixels).max() <= 1


def test_painting_is_the_same_every_time(engine: StyleNet, embedding: Tensor) -> None:
    pixels, painter = picture(120, 160), Renderer(engine, working_size=50)
    assert np.array_equal(painter.paint(pixels, embedding).pixels, painter.paint(pixels, embedding).pixels)


def test_half_precision_paints_nearly_the_same(engine: StyleNet, embedding: Tensor) -> None:
    pixels = picture(60, 80)
    exact = Renderer(engine).paint(pixels, embedding).pixels
    half = Renderer(engine, precision=torch.bfloat16).paint(pixels, embedding).pixels
    assert np.abs(half.astype(float) - exact).mean() < 2


@torch.inference_mode()
def test_regions_overlap_without_a_trace(engine: StyleNet, embedding: Tensor) -> None:
    image = torch.rand(1, 3, 100, 120)
    statistics = engine.stylize(image, embedding).statistics
    whole = engine.stylize(image, embedding, statistics).image
    regions = [Region(0, 0, 60, 60), Region(40, 40, 100, 120)]
    parts = tiles.paint_regions(engine, image, regions, embedding, statistics, halo=48)
    for region in regions:
        assert (parts[(..., *region.slices)] - whole[(..., *region.slices)]).abs().max() < 1e-5


def test_a_style_of_any_size_and_depth_is_encoded(engine: StyleNet) -> None:
    painter = Renderer(engine, precision=torch.bfloat16)
    small = painter.encode(area(picture(300, 3000), 205, 2048))
    large = painter.encode(picture(300, 3000))
    assert small.dtype == torch.float32
    assert (large - small).norm() < 0.05 * small.norm()
    assert (painter.encode(deep_picture(40, 60)) - painter.encode(picture(40, 60))).norm() < 1e-3
