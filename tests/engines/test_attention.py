"""Attention against its formula, and what its mixtures, statistics and strength do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from vidstyle import weights
from vidstyle.engines.attention import Attention, build
from vidstyle.engines.base import load_engine
from vidstyle.engines.style_tokens import StyleTokens
from vidstyle.errors import WeightsMismatch
from vidstyle.nn.style_attention import StyleAttention
from vidstyle.styles.pictures import bundled_styles, load
from vidstyle.tensors import to_tensor


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Decoders of the small VGG; features themselves attend."""
    known = weights.load(weights.SMALL_VGG)
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    save_file({key: value for key, value in known.items() if key.startswith("decoder")}, path)
    return path


@pytest.fixture(scope="module")
def engine(file: Path) -> Attention:
    engine = build(file)
    assert isinstance(engine, Attention)
    return engine


@pytest.fixture(scope="module")
def style(engine: Attention) -> StyleTokens:
    return engine.encode_style(picture(-1))


def picture(number: int) -> Tensor:
    """(1, 3, H, W): one of the bundled styles, some 200 px wide."""
    image = to_tensor(load(list(bundled_styles())[number]))
    return F.interpolate(image, scale_factor=200 / image.shape[-1], mode="bilinear", antialias=True)


@torch.no_grad()
def test_places_take_the_attended_mean_and_deviation_of_the_style() -> None:
    torch.manual_seed(0)
    attention, frame, style = StyleAttention(6), torch.randn(2, 5, 6), torch.rand(2, 9, 6)
    for layer in (attention.query, attention.key, attention.value):
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
    keys, values = attention.tokens(style)
    made = attention(frame, keys, values)
    for item in range(2):
        normalised = (style[item] - style[item].mean(0)) / (style[item].var(0, correction=0) + 1e-5).sqrt()
        assert torch.allclose(keys[item], attention.key(normalised), atol=1e-5)
        for place in range(5):
            shares = (keys[item] @ attention.query(frame[item, place]) / 6**0.5).softmax(0)[:, None]
            mean = (shares * values[item]).sum(0)
            variance = (shares * (values[item] - mean).square()).sum(0)
            expected = (variance + 1e-5).sqrt() * frame[item, place] + mean
            assert torch.allclose(made[item, place], expected, atol=1e-3)


@torch.inference_mode()
def test_a_style_of_any_shape_has_about_a_thousand_places_at_each_level(engine: Attention) -> None:
    for size in ((40, 60), (900, 300), (64, 64)):
        style = engine.encode_style(torch.rand(1, 3, *size))
        assert all(900 <= keys.shape[1] <= 1_200 for keys in style.keys[0])


@torch.inference_mode()
def test_a_mixture_attends_to_each_style_and_takes_the_weighted_mean(
    engine: Attention, style: StyleTokens
) -> None:
    other, image = engine.encode_style(picture(0)), picture(1)[..., :64, :96]
    mixed = engine.mix([style, other], [0.25, 0.75])
    assert mixed.weights == (0.25, 0.75)
    again = engine.mix([mixed, style], [0.5, 0.5])
    assert again.weights == (0.125, 0.375, 0.5)
    direct = engine.mix([style, other], [0.625, 0.375])
    gap = (engine.stylize(image, again).image - engine.stylize(image, direct).image).abs().max()
    assert gap < 1e-3


@torch.inference_mode()
def test_strength_is_the_share_of_the_attended_features(engine: Attention, style: StyleTokens) -> None:
    image = picture(0)[..., :96, :128]
    full = engine.stylize(image, style).image
    gaps = [
        float((engine.stylize(image, engine.at_strength(style, strength)).image - full).abs().mean())
        for strength in (0.25, 0.5, 0.75, 1.0)
    ]
    assert gaps == sorted(gaps, reverse=True) and gaps[-1] == 0


@torch.inference_mode()
def test_a_part_painted_with_its_surroundings_is_that_of_the_whole(
    engine: Attention, style: StyleTokens
) -> None:
    image = torch.rand(1, 3, 192, 192, generator=torch.Generator().manual_seed(0))
    whole = engine.stylize(image, style)
    reach = engine.info.receptive_field
    assert reach is not None and whole.statistics is not None
    for rim, least, most in ((reach, 0.0, 1e-4), (24, 1e-4, 1.0)):
        part = engine.stylize(image[..., 96 - rim :, 96 - rim :], style, whole.statistics).image
        gap = float((part[..., rim:, rim:] - whole.image[..., 96:, 96:]).abs().max())
        assert least <= gap <= most, (rim, gap)


@torch.inference_mode()
def test_bfloat16_paints_nearly_what_float32_does(engine: Attention, style: StyleTokens) -> None:
    image = picture(0)
    exact, coarse = (engine.stylize(each, style).image for each in (image, image.bfloat16()))
    assert coarse.dtype == torch.bfloat16
    assert (coarse.float() - exact).abs().mean() < 0.02


def test_attention_that_does_not_fit_is_one_line(tmp_path: Path, engine: Attention) -> None:
    path = tmp_path / "mine.safetensors"
    own = {key: value.contiguous() for key, value in engine.attention.state_dict().items()}
    decoders = {
        key: value for key, value in weights.load(weights.SMALL_VGG).items() if key.startswith("decoder")
    }
    save_file({**decoders, **own}, path)
    assert isinstance(load_engine("attention", path), Attention)
    del own["attention3.key.bias"]
    save_file({**decoders, **own}, path)
    with pytest.raises(WeightsMismatch, match=r"mine\.safetensors does not hold .*attention3\.key\.bias"):
        load_engine("attention", path)
