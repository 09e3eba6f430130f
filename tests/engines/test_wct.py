"""WCT against its formula, step by step, and its statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from vidstyle import weights
from vidstyle.engines.base import load_engine
from vidstyle.engines.feature_maps import transform
from vidstyle.engines.feature_statistics import FeatureStatistics, without_noise
from vidstyle.engines.wct import WCT, build
from vidstyle.errors import OptionError, WeightsMismatch, WeightsMissing
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.rendering.renderer import Renderer
from vidstyle.styles.embedding_cache import EmbeddingCache
from vidstyle.styles.pictures import bundled_styles, load
from vidstyle.tensors import to_tensor


@pytest.fixture(scope="module")
def engine() -> WCT:
    return build()


@pytest.fixture(scope="module")
def style(engine: WCT) -> FeatureStatistics:
    return engine.encode_style(picture(-1))


def picture(number: int) -> Tensor:
    """(1, 3, H, W): one of the bundled styles, some 200 px wide."""
    image = to_tensor(load(list(bundled_styles())[number]))
    return F.interpolate(image, scale_factor=200 / image.shape[-1], mode="bilinear", antialias=True)


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    return features.mean(1), torch.cov(features)


def square_root(matrix: Tensor) -> Tensor:
    """By Denman and Beavers' iteration: nothing of the engine's."""
    root, inverse = matrix, torch.eye(len(matrix), dtype=matrix.dtype)
    for _ in range(60):
        root, inverse = (root + inverse.inverse()) / 2, (inverse + root.inverse()) / 2
    return root


def test_transformed_features_have_the_mean_and_covariance_of_the_style() -> None:
    random = torch.Generator().manual_seed(0)
    mixing = torch.rand(6, 6, generator=random, dtype=torch.float64)
    content = mixing @ torch.rand(6, 900, generator=random, dtype=torch.float64)
    aim = mixing.T @ torch.randn(6, 700, generator=random, dtype=torch.float64) + 2
    matrix, offset = transform(*moments(content), *moments(aim), 1.0)
    mean, covariance = moments(matrix @ content + offset[:, None])
    assert torch.allclose(mean, aim.mean(1), atol=1e-9)
    assert torch.allclose(covariance, torch.cov(aim), atol=1e-8)
    half, less = transform(*moments(content), *moments(aim), 0.25)
    expected = 0.25 * (matrix @ content + offset[:, None]) + 0.75 * content
    assert torch.allclose(half @ content + less[:, None], expected, atol=1e-9)


def test_directions_that_a_picture_has_nothing_in_are_left_out() -> None:
    random = torch.Generator().manual_seed(1)
    content = torch.randn(3, 500, generator=random, dtype=torch.float64)
    content[2] = 0.5  # a channel that is silent
    matrix, offset = transform(*moments(content), torch.ones(3).double(), torch.eye(3).double(), 1.0)
    changed = matrix @ content + offset[:, None]
    assert torch.isfinite(changed).all()
    assert torch.allclose(changed[2], torch.ones(500).double(), atol=1e-9)


@torch.inference_mode()
def test_a_painting_is_that_of_the_chain_step_by_step(engine: WCT, style: FeatureStatistics) -> None:
    image = picture(0)[..., :96, :128]
    expected = without_noise(image)
    for level, mean, covariance in zip((4, 3, 2, 1), style.means, style.covariances, strict=True):
        features = engine.network.encode(expected, level)
        flat = features[0].flatten(1).double()
        own = torch.cov(flat) + 1e-7 * torch.eye(len(flat), dtype=torch.float64)
        whitened = square_root(own).inverse() @ (flat - flat.mean(1, keepdim=True))
        colored = square_root(covariance + 1e-7 * torch.eye(len(flat), dtype=torch.float64)) @ whitened
        mixed = 0.7 * (colored + mean[:, None]) + 0.3 * flat
        expected = engine.network.picture(mixed.view_as(features).float(), level)
    painted = engine.stylize(image, style).image
    assert (painted - expected).abs().mean() < 0.004


@torch.inference_mode()
def test_statistics_of_the_frame_itself_change_nothing(engine: WCT, style: FeatureStatistics) -> None:
    image = picture(0)[..., :90, :130]
    painted = engine.stylize(image, style)
    assert painted.statistics is not None
    again = engine.stylize(image, style, painted.statistics).image
    assert (again - painted.image).abs().max() < 1e-4


@torch.inference_mode()
def test_bfloat16_paints_nearly_what_float32_does(engine: WCT, style: FeatureStatistics) -> None:
    image = picture(0)[..., :96, :128]
    exact, coarse = (engine.stylize(each, style) for each in (image, image.bfloat16()))
    assert (coarse.image.float() - exact.image).abs().mean() < 0.01
    again = engine.stylize(image.bfloat16(), style, coarse.statistics)
    assert (again.image.float() - exact.image).abs().mean() < 0.01


@torch.inference_mode()
def test_a_painting_is_nearer_to_its_style_in_colour_and_in_covariance(
    engine: WCT, style: FeatureStatistics
) -> None:
    image = picture(0)
    before, after = (engine.encode_style(each) for each in (image, engine.stylize(image, style).image))
    for level in range(4):
        for own in ("means", "covariances"):
            wanted = getattr(style, own)[level]
            far = [(getattr(each, own)[level] - wanted).norm() for each in (before, after)]
            assert far[1] < 0.75 * far[0], (own, level)


@torch.inference_mode()
def test_a_batch_is_painted_with_statistics_and_refused_without(
    engine: WCT, style: FeatureStatistics
) -> None:
    image = picture(0)[..., :64, :64]
    painted = engine.stylize(image, style)
    both = engine.stylize(torch.cat([image, image]), style, painted.statistics).image
    assert (both[1] - painted.image[0]).abs().max() < 0.02  # whitening makes rounding larger
    with pytest.raises(ValueError, match="batch of 2"):
        engine.stylize(torch.cat([image, image]), style)
    with pytest.raises(ValueError, match="16x16 px or more, got 8x64"):
        engine.stylize(image[..., :8], style)


@torch.inference_mode()
def test_strength_is_the_share_of_the_style_among_features(engine: WCT, style: FeatureStatistics) -> None:
    image = picture(0)[..., :96, :128]
    gaps = [
        float((engine.stylize(image, engine.at_strength(style, strength)).image - image).abs().mean())
        for strength in (0.5, 1.0, 1.5)
    ]
    assert 1.15 * gaps[0] < gaps[1] and 1.03 * gaps[1] < gaps[2]
    assert engine.at_strength(style, 1.5).alpha == 1.0


def test_weak_strengths_come_near_the_clip_without_a_step() -> None:
    pixels = np.asarray(load(next(iter(bundled_styles()))))[:96, :128]
    gaps = []
    for strength in (0.0, 0.1, 0.45, 0.5, 0.55):
        stylizer = Stylizer("waves", engine="wct", strength=strength, detail=0, precision="fp32")
        shown = stylizer.image(np.ascontiguousarray(pixels))
        gaps.append(float(np.abs(shown.astype(float) - pixels).mean()))
    assert gaps[0] == 0 < gaps[1] < 0.3 * gaps[3]
    assert gaps[2] == pytest.approx(gaps[3], rel=0.15) and gaps[4] == pytest.approx(gaps[3], rel=0.15)


@torch.inference_mode()
def test_without_coarse_levels_shapes_stay_nearer(engine: WCT) -> None:
    image, fine = picture(0)[..., :96, :128], load_engine("wct", options={"levels": "21"})
    styles = [each.encode_style(picture(-1)) for each in (engine, fine)]
    assert [len(each.means) for each in styles] == [4, 2]
    far, near = (each.stylize(image, known).image for each, known in zip((engine, fine), styles, strict=True))
    edges = [each.mean(1).diff(dim=-1).flatten() for each in (image, far, near)]
    alike = [torch.corrcoef(torch.stack([edges[0], other]))[0, 1] for other in edges[1:]]
    assert alike[1] > alike[0] + 0.05


@pytest.mark.parametrize("levels", ["", "1234", "45", "44", "x"])
def test_other_levels_are_refused(levels: str) -> None:
    with pytest.raises(OptionError, match="must be digits from 4 down to 1, such as 4321 or 32, got"):
        load_engine("wct", options={"levels": levels})


def test_options_that_an_engine_does_not_have_are_refused() -> None:
    with pytest.raises(OptionError, match="engine 'wct' has no option 'level'; did you mean 'levels'"):
        load_engine("wct", options={"level": "43"})
    with pytest.raises(OptionError, match="engine 'stylenet' has no option 'levels'; it has none"):
        Stylizer("waves", engine="stylenet", engine_option=["levels=43"])
    with pytest.raises(OptionError, match="goes with an engine's name"):
        Stylizer("waves", engine=build(), engine_option={"levels": "43"})


def test_a_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsMismatch, match=r"other\.safetensors does not hold a small VGG"):
        build(tmp_path / "other.safetensors")
    with pytest.raises(WeightsMissing):
        build(tmp_path / "none.safetensors")


@pytest.mark.parametrize(("level", "least"), [(1, 31.0), (2, 25.0), (3, 23.0), (4, 20.0)])
@torch.inference_mode()
def test_pictures_come_back_from_their_features(engine: WCT, level: int, least: float) -> None:
    image = picture(1)[..., :96, :128]
    network = engine.network
    back = network.picture(network.encode(image, level), level)
    decibels = -10 * torch.log10((back - image).square().mean())
    assert decibels > least


def test_the_bundled_weights_are_small() -> None:
    assert weights.find(weights.SMALL_VGG).stat().st_size < 5e6


def test_a_style_is_kept_in_a_folder_and_comes_back_as_it_was(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 255, (64, 80, 3), np.uint8)
    made, kept = (EmbeddingCache(Renderer(build()), tmp_path).encode(pixels) for _ in (0, 1))
    assert len(list(tmp_path.iterdir())) == 1
    assert kept.alpha == made.alpha
    assert all(torch.equal(kept.tensors()[name], part) for name, part in made.tensors().items())


def test_other_levels_have_kept_styles_of_their_own(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 255, (64, 80, 3), np.uint8)
    for levels in ("4321", "21", "43"):
        style = EmbeddingCache(Renderer(build(levels=levels)), tmp_path).encode(pixels)
        assert len(style.means) == len(levels)
    assert len(list(tmp_path.iterdir())) == 3


def test_levels_may_be_a_number() -> None:
    assert build(levels=43).levels == (4, 3)
    stylizer = Stylizer("waves", engine="wct", engine_option={"levels": 21}, device="cpu")
    assert stylizer._painter.engine.levels == (2, 1)
