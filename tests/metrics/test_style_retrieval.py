"""The measure that tells styles apart without colour, on pictures whose answer is known."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor
from truth import grid, texture

from vidstyle.nn import vgg

LAYERS = ("conv1_1", "conv2_1", "conv3_1")
X, Y = grid(96, 128)


@pytest.fixture(scope="module")
def measure() -> Iterator[ModuleType]:
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    yield importlib.import_module("style_retrieval")
    sys.path.remove(folder)


@pytest.fixture(scope="module")
def network() -> object:
    encoder = vgg.bundled()

    def features(picture: Tensor) -> Mapping[str, Tensor]:
        with torch.no_grad():
            return encoder.features(picture, LAYERS)

    return features


def lines(angle: float, period: float = 8.0, phase: float = 0.0) -> Tensor:
    """Hatching (1, 3, 96, 128) at ``angle`` (radians), in brown and blue."""
    wave = torch.sin(2 * np.pi * (X * np.cos(angle) + Y * np.sin(angle)) / period + phase)
    share = (wave / 2 + 0.5).expand(1, 3, 96, 128)
    brown, blue = (torch.tensor(color).view(1, 3, 1, 1) for color in ((0.7, 0.5, 0.2), (0.1, 0.2, 0.6)))
    return share * brown + (1 - share) * blue


STYLES = [lines(0.0), lines(np.pi / 2), lines(np.pi / 4), lines(0.0, period=16.0), texture((X, Y))]


def test_strokes_of_another_phase_are_told_to_be_those_of_their_style(
    measure: ModuleType, network: object
) -> None:
    aims = [measure.look(network, picture) for picture in STYLES]
    moved = [lines(0.0, phase=2.0), lines(np.pi / 2, phase=2.0), lines(np.pi / 4, phase=2.0)]
    ranks = [measure.rank_of(measure.look(network, each), place, aims) for place, each in enumerate(moved)]
    assert ranks == [1, 1, 1]
    assert measure.rank_of(aims[0], 1, aims) > 1


def test_strokes_are_compared_without_colour_brightness_and_contrast(
    measure: ModuleType, network: object
) -> None:
    picture = STYLES[4]
    red, green, blue = picture.unbind(1)
    grey = (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(1).expand(-1, 3, -1, -1)
    seen, other = measure.look(network, picture), measure.look(network, STYLES[0])
    apart = seen.stroke_distance(other)
    for same in (grey, 0.4 * picture + 0.3):
        look = measure.look(network, same)
        assert look.stroke_distance(seen) < 1e-3 * apart
        assert look.gram_distance(seen) > 0.05  # in which colour counts


def test_distances_are_those_of_their_definition(measure: ModuleType, network: object) -> None:
    seen = [measure.look(network, picture) for picture in (STYLES[0], STYLES[4])]
    wanted = []
    for layer in LAYERS:
        grams = []
        for picture in (STYLES[0], STYLES[4]):
            values = network(picture)[layer][0].flatten(1).double().numpy()  # type: ignore[operator]
            values = values - values.mean(1, keepdims=True)
            grams.append(values @ values.T / values.shape[1])
        wanted.append(np.linalg.norm(grams[0] - grams[1]) / np.linalg.norm(grams[1]))
    assert seen[0].gram_distance(seen[1]) == pytest.approx(np.mean(wanted), rel=1e-3)
    assert seen[0].gram_distance(seen[0]) == seen[0].stroke_distance(seen[0]) == 0


def test_halves_of_even_pictures_find_their_other_halves(measure: ModuleType, network: object) -> None:
    distances, ranks = measure.of_halves(network, STYLES[:4])
    assert len(distances) == len(ranks) == 4 * len(STYLES[:4])
    assert set(ranks) == {1}
    mixed = torch.cat([STYLES[0][..., :64], STYLES[1][..., 64:]], 3)  # of two kinds of strokes
    assert max(measure.of_halves(network, [mixed])[0]) > 2 * max(distances)
