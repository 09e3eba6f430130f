"""AdaIN against its formula, step by step, and what its statistics and strength do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from vidstyle import weights
from vidstyle.engines.adain import LEVELS, AdaIN, build, normalising
from vidstyle.engines.base import load_engine
from vidstyle.engines.feature_statistics import FeatureStatistics
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.nn import small_vgg
from vidstyle.nn.small_vgg import SmallVGG
from vidstyle.styles.pictures import bundled_styles, load
from vidstyle.tensors import to_tensor


@pytest.fixture(scope="module")
def network() -> SmallVGG:
    return small_vgg.bundled()


@pytest.fixture(scope="module")
def engine(network: SmallVGG) -> AdaIN:
    return AdaIN(network, 3)


@pytest.fixture(scope="module")
def style(engine: AdaIN) -> FeatureStatistics:
    return engine.encode_style(picture(-1))


def picture(number: int) -> Tensor:
    """(1, 3, H, W): one of the bundled styles, some 200 px wide."""
    image = to_tensor(load(list(bundled_styles())[number]))
    return F.interpolate(image, scale_factor=200 / image.shape[-1], mode="bilinear", antialias=True)


def normalised(value: Tensor, style: FeatureStatistics, place: int) -> Tensor:
    """Eq. 8, with the slack of instance normalisation."""
    flat = value[0].flatten(1).double()
    mean, deviation = flat.mean(1, keepdim=True), (flat.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    aim = (style.covariances[place][:, None] + 1e-5).sqrt()
    changed = aim * (flat - mean) / deviation + style.means[place][:, None]
    return changed.view_as(value).float()


def test_normalised_features_have_the_mean_and_the_deviation_of_the_style() -> None:
    random = torch.Generator().manual_seed(0)
    content = 3 * torch.rand(5, 900, generator=random, dtype=torch.float64)
    aim = torch.randn(5, 700, generator=random, dtype=torch.float64) + 2
    own, other = ((each.mean(1), each.var(1)) for each in (content, aim))
    scale, offset = normalising(*own, *other)
    changed = scale[:, None] * content + offset[:, None]
    assert torch.allclose(changed.mean(1), other[0])
    assert torch.allclose(changed.var(1), other[1], rtol=1e-3)


@torch.inference_mode()
def test_the_coarsest_level_alone_is_the_method_of_the_paper(style: FeatureStatistics) -> None:
    network, image = small_vgg.bundled(), picture(0)[..., :96, :128]
    engine = AdaIN(network, 1)
    expected = network.picture(normalised(network.encode(image, 4), style, 0), 4)
    assert (engine.stylize(image, style).image - expected).abs().max() < 2e-3


@torch.inference_mode()
def test_finer_levels_are_mixed_with_the_frame_s_own_and_normalised_too(
    engine: AdaIN, network: SmallVGG, style: FeatureStatistics
) -> None:
    image = picture(0)[..., :96, :128]
    value = network.decode(normalised(network.encode(image, 4), style, 0), 4)
    for place, level in ((1, 3), (2, 2)):
        value = torch.lerp(value, network.encode(image, level), 0.25)
        value = network.decode(normalised(value, style, place), level)
    expected = network.decode(value, 1).clamp(0, 1)
    assert (engine.stylize(image, style).image - expected).abs().max() < 4e-3


@torch.inference_mode()
def test_a_style_holds_two_numbers_for_each_channel_of_each_level(
    engine: AdaIN, network: SmallVGG, style: FeatureStatistics
) -> None:
    channels = [network.channels(level) for level in engine.levels]
    assert [len(mean) for mean in style.means] == channels
    assert [tuple(variance.shape) for variance in style.covariances] == [(count,) for count in channels]


@torch.inference_mode()
def test_strength_is_the_share_of_the_normalised_features(engine: AdaIN, style: FeatureStatistics) -> None:
    image = picture(0)[..., :96, :128]
    full = engine.stylize(image, style).image
    gaps = [
        float((engine.stylize(image, engine.at_strength(style, strength)).image - full).abs().mean())
        for strength in (0.25, 0.5, 0.75, 1.0)
    ]
    assert gaps == sorted(gaps, reverse=True) and gaps[-1] == 0


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@torch.inference_mode()
def test_a_part_painted_with_its_surroundings_is_that_of_the_whole(depth: int) -> None:
    engine = AdaIN(small_vgg.bundled(), depth)
    style, image = engine.encode_style(picture(-1)), torch.rand(1, 3, 192, 192)
    whole = engine.stylize(image, style)
    assert whole.statistics is not None and len(whole.statistics.means) == depth
    reach = engine.info.receptive_field
    assert reach is not None
    for rim, least, most in ((reach, 0.0, 1e-4), (24, 1e-4, 1.0)):
        part = engine.stylize(image[..., 96 - rim :, 96 - rim :], style, whole.statistics).image
        gap = float((part[..., rim:, rim:] - whole.image[..., 96:, 96:]).abs().max())
        assert least <= gap <= most, (rim, gap)


@torch.inference_mode()
def test_bfloat16_paints_nearly_what_float32_does(engine: AdaIN, style: FeatureStatistics) -> None:
    image = picture(0)
    exact, coarse = (engine.stylize(each, style).image for each in (image, image.bfloat16()))
    assert coarse.dtype == torch.bfloat16
    assert (coarse.float() - exact).abs().mean() < 0.01


def test_a_file_may_leave_out_the_encoder_but_no_decoder(tmp_path: Path, engine: AdaIN) -> None:
    bundled = weights.load(weights.SMALL_VGG)
    decoders = {key: value for key, value in bundled.items() if key.startswith("decoder")}
    file = tmp_path / "mine.safetensors"
    save_file(decoders, file)
    loaded = load_engine("adain", file)
    assert all(torch.equal(one, two) for one, two in zip(loaded.buffers(), engine.buffers(), strict=True))
    save_file({key: value for key, value in decoders.items() if key != "decoder2.1.bias"}, file)
    with pytest.raises(WeightsMismatch, match=r"mine\.safetensors does not hold .*decoder2\.1\.bias"):
        load_engine("adain", file)
    save_file({key: value[..., :1].contiguous() for key, value in decoders.items()}, file)
    with pytest.raises(WeightsMismatch, match=r"mine\.safetensors does not fit"):
        load_engine("adain", file)


@pytest.mark.parametrize("levels", ["3", "34", "42", "", 5])
def test_levels_are_the_coarsest_and_those_next_to_it(levels: str | int, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="levels of adain are 4, 43, 432 or 4321, got"):
        build(tmp_path / "none.safetensors", levels=levels)
    assert LEVELS == (4, 3, 2, 1)
