"""The engine reshuffle: which patches of a style a painting is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from vidstyle import weights
from vidstyle.engines.base import load_engine
from vidstyle.engines.patch_matching import Matcher, Places
from vidstyle.engines.reshuffle import Reshuffle, StylePatches, build
from vidstyle.errors import WeightsMismatch
from vidstyle.nn.encoder_features import gram
from vidstyle.styles.pictures import load
from vidstyle.tensors import to_tensor


@pytest.fixture(scope="module")
def engine() -> Reshuffle:
    return build()


def picture(name: str, width: int = 128) -> Tensor:
    """(1, 3, H, W): a bundled style, ``width`` px wide, sides multiples of 8."""
    image = to_tensor(load(name))
    height = round(image.shape[-2] * width / image.shape[-1] / 8) * 8
    return F.interpolate(image, (height, width), mode="bilinear", antialias=True)


def used(places: Places) -> Tensor:
    """How often each place of the only style picture is used, most often first."""
    rows, columns = places.row.flatten(), places.column.flatten()
    return torch.bincount(rows * (int(columns.max()) + 1) + columns).sort(descending=True).values


@torch.inference_mode()
def test_patches_are_assigned_more_evenly_than_the_nearest_ones_would_be(engine: Reshuffle) -> None:
    features, style = (engine.network.encode(picture(name, 192), 4) for name in ("waves", "ink"))
    matcher = Matcher(features, [style])
    assigned = used(matcher.assigned([1.0]))
    nearest = used(matcher.nearest())
    assert (assigned > 0).sum() > 1.3 * (nearest > 0).sum()
    assert assigned[0] < 0.6 * nearest[0]


@torch.inference_mode()
def test_a_picture_finds_its_own_patches_in_itself(engine: Reshuffle) -> None:
    features = engine.network.encode(picture("mosaic"), 3)
    height, width = features.shape[-2:]
    matcher = Matcher(features, [features])
    rows = torch.arange(height).view(-1, 1).expand(height, width)
    columns = torch.arange(width).expand(height, width)
    shaken = Places(0 * rows, rows + 1, columns - 1)
    found = matcher.refined(shaken)
    is_own = (found.row == rows) & (found.column == columns)
    assert is_own.float().mean() > 0.75  # of places 1.4 px away
    assert torch.equal(matcher.nearest().row, rows) and torch.equal(matcher.nearest().column, columns)
    own = Places(0 * rows, rows, columns)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # at the border patches are moved inside
    assert torch.allclose(matcher.averaged(own)[inner], features[inner], atol=1e-5)


@torch.inference_mode()
def test_two_styles_are_used_in_their_shares(engine: Reshuffle) -> None:
    features = engine.network.encode(picture("meadow", 192), 4)
    styles = [engine.network.encode(picture(name, 192), 4) for name in ("waves", "ink")]
    places = Matcher(features, styles).assigned([0.8, 0.2])
    assert float((places.picture == 0).double().mean()) == pytest.approx(0.8, abs=0.1)
    for number, style in enumerate(styles):
        its = places.picture == number
        assert int(places.row[its].max()) < style.shape[2] and int(places.column[its].max()) < style.shape[3]


@torch.inference_mode()
def test_a_higher_strength_is_nearer_to_the_style(engine: Reshuffle) -> None:
    image, style = picture("meadow"), StylePatches((picture("mosaic", 192),))

    def distance(painted: Tensor) -> float:
        pairs = [gram(engine.network.encode(each, 3))[0] for each in (painted, style.pictures[0])]
        return float((pairs[0] - pairs[1]).norm() / pairs[1].norm())

    strengths = (0.5, 1.0, 1.5)
    found = [
        distance(engine.stylize(image, engine.at_strength(style, strength)).image) for strength in strengths
    ]
    assert distance(image) > found[0] > found[1] > found[2]


@torch.inference_mode()
def test_a_painting_that_was_carried_keeps_its_patches(engine: Reshuffle) -> None:
    image, style = picture("meadow"), StylePatches((picture("mosaic", 192),))
    painted = engine.stylize(image, style).image.roll(5, 3)
    again = engine.stylize(image.roll(5, 3), style, initial=painted).image
    fresh = engine.stylize(image.roll(5, 3), style).image
    assert (again - painted).abs().mean() < 0.8 * (fresh - painted).abs().mean()


@torch.inference_mode()
def test_what_was_not_painted_yet_is_painted_like_all_else(engine: Reshuffle) -> None:
    image, style = picture("meadow"), StylePatches((picture("mosaic", 192),))
    fresh = engine.stylize(image, style).image
    half = image.shape[3] // 2
    begun = torch.cat([fresh[..., :half], image[..., half:]], 3)
    painted = engine.stylize(image, style, initial=begun).image
    gaps = [(painted - each)[..., half + 8 :].abs().mean() for each in (fresh, image)]
    assert gaps[0] < 0.5 * gaps[1]


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsMismatch, match=r"other\.safetensors does not hold a small VGG"):
        build(tmp_path / "other.safetensors")
    tensors = weights.load(weights.SMALL_VGG)
    key = "encoder.conv3_2.weight"
    for number, kernel in enumerate((tensors[key][:, :5], tensors[key] * float("nan"))):
        file = tmp_path / f"{number}.safetensors"
        save_file({**tensors, key: kernel.contiguous()}, file)
        with pytest.raises(WeightsMismatch, match=r"\d\.safetensors does not (fit|hold) .+") as caught:
            load_engine("reshuffle", file)
        assert "\n" not in str(caught.value)
