"""WCT in a single pass against its formula, step by step, and its reach."""

from __future__ import annotations

from itertools import islice
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
from vidstyle.engines.wct_single_pass import WCTSinglePass, build
from vidstyle.errors import WeightsMismatch
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.styles.pictures import bundled_styles, load
from vidstyle.tensors import to_tensor
from vidstyle.video.reading.reader import Reader


@pytest.fixture(scope="module")
def engine() -> WCTSinglePass:
    return build()


@pytest.fixture(scope="module")
def style(engine: WCTSinglePass) -> FeatureStatistics:
    return engine.encode_style(picture(-1))


@pytest.fixture(scope="module")
def large_frame() -> Tensor:
    """(1, 3, 360, 640): a frame of the sample clip in which a dark outline is near a plain area."""
    clip = Path(__file__).resolve().parents[2] / "samples" / "bunny.mp4"
    with Reader(clip) as reader:
        return to_tensor(next(islice(reader, 60, None)).pixels)


def picture(number: int, width: int = 200) -> Tensor:
    """(1, 3, H, W): one of the bundled styles, some ``width`` px wide."""
    image = to_tensor(load(list(bundled_styles())[number]))
    return F.interpolate(image, scale_factor=width / image.shape[-1], mode="bilinear", antialias=True)


def transformed(features: Tensor, mean: Tensor, covariance: Tensor, alpha: float) -> Tensor:
    """``features`` (1, C, h, w) whitened and coloured place by place, with the engine's ridge."""
    flat = features[0].flatten(1).double()
    own = flat.mean(1), torch.cov(flat)
    matrix, offset = transform(*own, mean, covariance, alpha, ridge=WCTSinglePass.ridge)
    return (matrix @ flat + offset[:, None]).view_as(features).float()


@torch.inference_mode()
def test_a_painting_is_transformed_at_each_level_of_the_decoder(
    engine: WCTSinglePass, style: FeatureStatistics
) -> None:
    image = picture(0)[..., :96, :128]
    network = engine.network
    features = network.encode(without_noise(image))
    value = features[4]
    for place, level in enumerate((4, 3, 2)):
        value = transformed(value, style.means[place], style.covariances[place], style.alpha)
        value = network.decode(value, level)
        if level == 4:
            value = network.joined(value, features[3])
    blocks = transformed(network.decode(value, 1), style.means[3], style.covariances[3], style.alpha)
    expected = F.pixel_shuffle(blocks, 2).clamp(0, 1)
    assert (engine.stylize(image, style).image - expected).abs().max() < 2e-3


@torch.inference_mode()
def test_a_part_painted_with_its_surroundings_is_that_of_the_whole(
    engine: WCTSinglePass, style: FeatureStatistics
) -> None:
    # faint enough for the filter of frames to be at work everywhere
    image = 0.5 + 0.02 * torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    whole = engine.stylize(image, style)
    reach, near = engine.info.receptive_field, engine.info.near_field
    assert reach is not None and near is not None
    for rim, least, most in ((reach, 0.0, 1e-4), (near, 1e-4, 6 / 255), (near - 24, 7 / 255, 1.0)):
        part = engine.stylize(image[..., 128 - rim :, 128 - rim :], style, whole.statistics).image
        gap = float((part[..., rim:, rim:] - whole.image[..., 128:, 128:]).abs().max())
        assert least <= gap <= most, (rim, gap)


@pytest.mark.parametrize("name", ["wct-single-pass", "wct"])
@torch.inference_mode()
def test_noise_of_a_plain_area_does_not_become_a_texture(name: str) -> None:
    engine = load_engine(name)
    image = picture(0, 256)[..., :128, :256].clone()
    image[..., 128:] = 0.7
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)) / 255
    style = engine.encode_style(picture(0))
    plain = engine.stylize(image, style)
    gaps = [
        (engine.stylize(each, style, plain.statistics).image - plain.image)[..., 16:-16, 160:-16].std()
        for each in (image + noise, image + 12 * noise)
    ]
    assert gaps[0] < 3 / 255 < 15 / 255 < gaps[1], gaps  # what is easily seen is painted


@torch.inference_mode()
def test_colours_of_a_painting_are_those_of_its_style(
    engine: WCTSinglePass, style: FeatureStatistics
) -> None:
    image, aim = picture(0), picture(-1)
    painted = engine.stylize(image, engine.at_strength(style, 2.0)).image
    gaps = [float((each.mean((2, 3)) - aim.mean((2, 3))).abs().mean()) for each in (image, painted)]
    assert gaps[1] < 0.25 * gaps[0]


@torch.inference_mode()
def test_bfloat16_paints_nearly_what_float32_does(engine: WCTSinglePass, style: FeatureStatistics) -> None:
    image = picture(0)[..., :96, :128]
    exact, coarse = (engine.stylize(each, style).image for each in (image, image.bfloat16()))
    assert (coarse.float() - exact).abs().mean() < 0.012


def test_weak_strengths_come_near_the_clip_without_a_step() -> None:
    pixels = np.asarray(load(next(iter(bundled_styles()))))[:96, :128]
    gaps = []
    for strength in (0.0, 0.1, 0.75, 0.8, 0.85, 1.5):
        stylizer = Stylizer("waves", engine="wct-single-pass", strength=strength, detail=0, precision="fp32")
        gaps.append(float(np.abs(stylizer.image(np.ascontiguousarray(pixels)).astype(float) - pixels).mean()))
    assert gaps[0] == 0 < gaps[1] < 0.3 * gaps[3]
    assert gaps[2] == pytest.approx(gaps[3], rel=0.15) and gaps[4] == pytest.approx(gaps[3], rel=0.15)
    assert gaps[5] > gaps[4]


def test_a_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsMismatch, match=r"other\.safetensors does not hold a single-pass VGG: stem0"):
        build(tmp_path / "other.safetensors")


@pytest.mark.parametrize("name", ["wct-single-pass", "wct"])
def test_weights_of_other_shapes_or_without_numbers_are_refused_in_one_line(
    name: str, tmp_path: Path
) -> None:
    source = {"wct-single-pass": weights.WCT_SINGLE_PASS, "wct": weights.SMALL_VGG}[name]
    tensors = weights.load(source)
    key = next(key for key in tensors if key.endswith("conv3_2.weight"))
    for number, kernel in enumerate((tensors[key][:, :5], tensors[key] * float("nan"))):
        file = tmp_path / f"{number}.safetensors"
        save_file({**tensors, key: kernel.contiguous()}, file)
        with pytest.raises(WeightsMismatch, match=r"\d\.safetensors does not (fit|hold) .+") as caught:
            load_engine(name, file)
        assert "\n" not in str(caught.value)


def test_the_bundled_weights_are_small() -> None:
    assert weights.find(weights.WCT_SINGLE_PASS).stat().st_size < 2e6


@pytest.mark.parametrize("name", ["wct-single-pass", "wct-slim"])
@torch.inference_mode()
def test_a_part_of_a_frame_differs_from_the_whole_by_no_more_than_the_engine_says(
    name: str, large_frame: Tensor
) -> None:
    engine = load_engine(name)
    rim, error = engine.info.near_field, engine.info.near_error
    assert rim is not None and error is not None
    style = engine.encode_style(to_tensor(load("mosaic")))
    whole = engine.stylize(large_frame, style)
    for top, left in ((120, 160), (200, 320)):
        rows, columns = slice(top - rim, top + 96 + rim), slice(left - rim, left + 96 + rim)
        part = engine.stylize(large_frame[..., rows, columns], style, whole.statistics).image
        gap = part[..., rim:-rim, rim:-rim] - whole.image[..., top : top + 96, left : left + 96]
        assert float(gap.abs().max()) <= error / 255
