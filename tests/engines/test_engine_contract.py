"""Facts that every registered engine meets; a new engine is tested by being listed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from vidstyle.engines.base import Engine
from vidstyle.registry import ENGINES

SIZES = [(16, 16), (37, 53), (64, 48)]


@pytest.fixture(scope="module", params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine[Any, Any]:
    made: Engine[Any, Any] = ENGINES.load(request.param)()
    return made


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.rand(1, 3, 60, 80, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
@pytest.mark.parametrize("size", SIZES)
def test_painting_has_the_shape_range_and_dtype_of_the_image(
    engine: Engine[Any, Any], picture: Tensor, size: tuple[int, int]
) -> None:
    image = torch.rand(1, 3, *size)
    painted = engine.stylize(image, engine.encode_style(picture)).image
    assert painted.shape == image.shape
    assert painted.dtype == image.dtype
    assert painted.min() >= 0
    assert painted.max() <= 1


@torch.inference_mode()
def test_painting_again_gives_the_same_bytes(engine: Engine[Any, Any], picture: Tensor) -> None:
    image = torch.rand(1, 3, 37, 53)
    first, again = (engine.stylize(image, engine.encode_style(picture)).image for _ in (0, 1))
    assert torch.equal(first, again)


@torch.inference_mode()
def test_painting_leaves_image_and_style_as_they_were(engine: Engine[Any, Any], picture: Tensor) -> None:
    image, kept = torch.rand(1, 3, 40, 40), picture.clone()
    before = image.clone()
    engine.stylize(image, engine.encode_style(picture))
    assert torch.equal(image, before)
    assert torch.equal(picture, kept)


@torch.inference_mode()
def test_styles_of_any_shape_are_encoded(engine: Engine[Any, Any]) -> None:
    for size in ((1, 1), (3, 200), (500, 7), (300, 300)):
        painted = engine.stylize(torch.rand(1, 3, 32, 32), engine.encode_style(torch.rand(1, 3, *size)))
        assert torch.isfinite(painted.image).all()


@torch.inference_mode()
def test_a_mixture_of_one_style_with_itself_is_that_style(engine: Engine[Any, Any], picture: Tensor) -> None:
    image, style = torch.rand(1, 3, 32, 32), engine.encode_style(picture)
    mixed = engine.mix([style, style], [0.25, 0.75])
    assert (engine.stylize(image, mixed).image - engine.stylize(image, style).image).abs().max() < 1e-4


@torch.inference_mode()
def test_a_mixture_differs_from_both_styles(engine: Engine[Any, Any], picture: Tensor) -> None:
    image, first, second = (
        torch.rand(1, 3, 32, 32),
        engine.encode_style(picture),
        engine.encode_style(picture**3),
    )
    mixed = engine.stylize(image, engine.mix([first, second], [0.5, 0.5])).image
    for style in (first, second):
        assert (mixed - engine.stylize(image, style).image).abs().max() > 1e-3


@torch.inference_mode()
def test_given_statistics_come_back_and_paint_depends_on_its_surroundings_only(
    engine: Engine[Any, Any], picture: Tensor
) -> None:
    if engine.info.receptive_field is None:
        pytest.skip("this engine's paint depends on the whole image")
    style, far = engine.encode_style(picture), engine.info.receptive_field + 2 * engine.info.multiple
    image = torch.rand(1, 3, 48, far + 48)
    statistics = engine.stylize(image, style).statistics
    changed = image.clone()
    changed[..., far + 16 :] = 0.0
    paintings = [engine.stylize(each, style, statistics) for each in (image, changed)]
    assert paintings[0].statistics is statistics
    assert torch.equal(paintings[0].image[..., :16], paintings[1].image[..., :16])
    assert not torch.equal(paintings[0].image[..., -16:], paintings[1].image[..., -16:])
