"""The engine gatys: what an optimisation comes to, what it begins from, and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scenes import ground, shot
from torch import Tensor

from vidstyle import weights
from vidstyle.cli.main import main
from vidstyle.engines.base import load_engine
from vidstyle.engines.gatys import LAYERS, Gatys, GramStyle, build
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.nn.encoder_features import gram, scaled
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.styles.pictures import load
from vidstyle.tensors import to_tensor


@pytest.fixture(scope="module")
def engine() -> Gatys:
    return build(iterations=20, features="small")


@pytest.fixture(scope="module")
def waves(engine: Gatys) -> GramStyle:
    return engine.encode_style(to_tensor(load("waves")))


def content(height: int = 48, width: int = 64) -> Tensor:
    return to_tensor(shot(ground(height, width)))


def distance(engine: Gatys, image: Tensor, style: GramStyle) -> float:
    """The mean of ‖G - A‖ / ‖A‖ over the layers, with the style at the coarsest size."""
    features = scaled(engine.network, image, LAYERS)
    aims = zip(LAYERS, style.grams[0], strict=True)
    return float(np.mean([float((gram(features[name])[0] - aim).norm() / aim.norm()) for name, aim in aims]))


def test_the_painting_is_nearer_to_the_style_than_its_start(engine: Gatys, waves: GramStyle) -> None:
    image = content()
    painted = engine.stylize(image, waves).image
    assert distance(engine, painted, waves) < 0.3 * distance(engine, image, waves)
    other = content(48, 64).flip(3)
    features = [scaled(engine.network, each, LAYERS)["conv4_1"] for each in (image, painted, other)]
    assert (features[1] - features[0]).norm() < (features[1] - features[2]).norm()


def test_vgg16_paints_too() -> None:
    engine = build(iterations=2)
    style = engine.encode_style(to_tensor(load("waves"))[..., :256, :256])
    image = content(32, 32)
    assert distance(engine, engine.stylize(image, style).image, style) < distance(engine, image, style)


def test_a_higher_strength_is_nearer_to_the_style(engine: Gatys, waves: GramStyle) -> None:
    image = content()
    found = [
        distance(engine, engine.stylize(image, engine.at_strength(waves, strength)).image, waves)
        for strength in (0.3, 1.0, 1.5)
    ]
    assert found[0] > found[1] > found[2]


def test_what_was_carried_is_painted_on(engine: Gatys, waves: GramStyle) -> None:
    image = content()
    painted = engine.stylize(image, waves).image
    again = engine.stylize(image, waves, initial=painted).image
    fresh = engine.stylize(image.roll(1, 3), waves).image.roll(-1, 3)
    assert (again - painted).abs().mean() < (fresh - painted).abs().mean()


def test_the_step_hook_can_end_a_painting(engine: Gatys, waves: GramStyle) -> None:
    steps: list[int] = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.stylize(content(), waves, on_step=stop)
    assert len(steps) == 3


def test_half_of_two_styles_lies_between_them(engine: Gatys, waves: GramStyle) -> None:
    ink = engine.encode_style(to_tensor(load("ink")))
    painted = engine.stylize(content(), engine.mix([waves, ink], [0.5, 0.5])).image
    pure = [engine.stylize(content(), style).image for style in (waves, ink)]
    assert distance(engine, painted, waves) < distance(engine, pure[1], waves)
    assert distance(engine, painted, ink) < distance(engine, pure[0], ink)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": "0"}, "iterations of gatys must be a whole number from 1 on, got '0'"),
        ({"iterations": "many"}, "whole number from 1 on, got 'many'"),
        ({"iterations": 2.5}, "whole number from 1 on, got 2.5"),
        ({"iterations": True}, "whole number from 1 on, got True"),
        ({"features": "vgg19"}, "features of gatys must be vgg16 or small, got 'vgg19'"),
        ({"iteration": 3}, "no option 'iteration'; did you mean 'iterations'"),
    ],
)
def test_an_impossible_option_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        load_engine("gatys", options=options)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    for features in ("vgg16", "small"):
        with pytest.raises(WeightsMismatch):
            load_engine("gatys", path, {"features": features})
    tensors = weights.load(weights.SMALL_VGG)
    save_file({name: tensor * torch.nan for name, tensor in tensors.items()}, path)
    with pytest.raises(WeightsMismatch, match="not finite"):
        load_engine("gatys", path, {"features": "small"})


def test_a_still_is_painted_in_its_own_size(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), shot(ground(90, 130)))
    words = ["image", str(tmp_path / "a.png"), "--style", "waves", "--engine", "gatys", "-o"]
    options = ["--engine-option", "features=small", "--engine-option", "iterations=3"]
    assert main([*words, str(tmp_path / "b.png"), *options]) == 0
    painted = cv2.imread(str(tmp_path / "b.png"))
    assert painted is not None and painted.shape == (90, 130, 3)


def test_below_its_least_strength_a_painting_is_mixed_with_the_clip() -> None:
    picture = shot(ground(48, 64))
    own = {"features": "small", "iterations": 10}
    options: Any = {"engine": "gatys", "engine_option": own, "detail": 0}
    assert np.array_equal(Stylizer("waves", strength=0, **options).image(picture), picture)
    changes = [
        np.abs(Stylizer("waves", strength=strength, **options).image(picture).astype(float) - picture).mean()
        for strength in (0.1, 0.3, 1.0)
    ]
    assert changes[0] < changes[1] < changes[2]
