"""Photorealistic transfer against its formula, step by step, and what it promises of outlines and colours."""

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
from vidstyle.engines.feature_maps import transform, transport
from vidstyle.engines.feature_statistics import FeatureStatistics, padded
from vidstyle.engines.photoreal import LEVELS, Photoreal, build
from vidstyle.errors import WeightsMismatch
from vidstyle.metrics.structure import structure
from vidstyle.nn.guided_filter import guided
from vidstyle.nn.small_vgg import with_encoder
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.styles.pictures import bundled_styles, load
from vidstyle.tensors import to_tensor
from vidstyle.video.reading.reader import Reader

SAMPLE = Path(__file__).parents[2] / "samples" / "bunny.mp4"


@pytest.fixture(scope="module")
def engine() -> Photoreal:
    return build()


@pytest.fixture(scope="module")
def frame() -> Tensor:
    with Reader(SAMPLE) as reader:
        return to_tensor(next(iter(reader)).pixels)


@pytest.fixture(scope="module")
def style(engine: Photoreal) -> FeatureStatistics:
    return engine.encode_style(picture(-1))


def picture(number: int) -> Tensor:
    return to_tensor(load(list(bundled_styles())[number]))


@torch.inference_mode()
def test_a_frame_of_the_sample_is_encoded_and_decoded_with_30_dB(engine: Photoreal, frame: Tensor) -> None:
    whole = padded(frame)
    decoded = engine.network.reconstructed(engine.network.all_levels(whole))
    assert -10 * (decoded - whole).square().mean().log10() > 30


@torch.inference_mode()
def test_a_painting_is_mapped_at_each_level_and_filtered_by_the_frame(
    engine: Photoreal, style: FeatureStatistics, frame: Tensor
) -> None:
    image = frame[..., 100:196, 100:228]
    network = engine.network
    features = network.all_levels(image)
    value = features[-1]
    for place, (level, share) in enumerate(zip((3, 2, 1), (0.5, 1.0, 1.0), strict=True)):
        flat = value[0].flatten(1).double()
        aim = style.means[place], style.covariances[place]
        matrix, offset = transport(
            flat.mean(1), torch.cov(flat), *aim, share * style.alpha, ridge=engine.ridge
        )
        value = network.decode((matrix @ flat + offset[:, None]).view_as(value).float(), level)
        if level > 1:
            below = features[level - 2]
            change = value - F.avg_pool2d(below, 2)
            value = below + F.interpolate(change, scale_factor=2.0, mode="bilinear")
    expected = image + guided(value - image, image, radius=6, slack=1e-3, cell=4)
    assert (engine.stylize(image, style).image - expected.clamp(0, 1)).abs().max() < 2e-3


@torch.inference_mode()
def test_outlines_stay_where_those_of_other_engines_move(
    engine: Photoreal, style: FeatureStatistics, frame: Tensor
) -> None:
    kept = [
        float(structure(frame, painted).mean())
        for painted in (
            engine.stylize(frame, style).image,
            _painted("stylenet", frame),
            torch.rand_like(frame),
        )
    ]
    assert kept[0] > 0.9 > kept[1] > kept[2]


@torch.inference_mode()
def test_colours_come_near_those_of_the_style(
    engine: Photoreal, style: FeatureStatistics, frame: Tensor
) -> None:
    painted = engine.stylize(frame, style).image
    gaps = [
        float((part(each) - part(picture(-1))).abs().mean())
        for part in (_mean, _deviation)
        for each in (frame, painted)
    ]
    assert gaps[1] < 0.4 * gaps[0]
    assert gaps[3] < 1.2 * gaps[2]


@torch.inference_mode()
def test_a_frame_in_its_own_colours_stays_as_it_is(engine: Photoreal, frame: Tensor) -> None:
    own = engine.stylize(frame, engine.encode_style(frame)).image
    assert (own - frame).abs().mean() < 0.02


def test_the_map_is_symmetric_and_gives_the_statistics_of_the_style() -> None:
    generator = torch.Generator().manual_seed(0)
    flat, aim = (torch.randn(5, 200, generator=generator, dtype=torch.float64) for _ in range(2))
    aim = torch.randn(5, 5, generator=generator, dtype=torch.float64) @ aim + 3
    own, other = (flat.mean(1), torch.cov(flat)), (aim.mean(1), torch.cov(aim))
    matrix, offset = transport(*own, *other, 1.0)
    mapped = matrix @ flat + offset[:, None]
    assert torch.allclose(mapped.mean(1), other[0]) and torch.allclose(torch.cov(mapped), other[1])
    assert torch.allclose(matrix, matrix.T) and torch.linalg.eigvalsh(matrix).min() > 0
    whitened, shift = transform(*own, *other, 1.0)
    least, more = ((each - flat).square().mean() for each in (mapped, whitened @ flat + shift[:, None]))
    assert least < more


@torch.inference_mode()
def test_a_part_painted_with_its_surroundings_is_that_of_the_whole(
    engine: Photoreal, style: FeatureStatistics
) -> None:
    image = torch.rand(1, 3, 320, 320, generator=torch.Generator().manual_seed(0))
    whole = engine.stylize(image, style)
    reach = engine.info.receptive_field
    assert reach is not None
    for rim, least, most in ((reach, 0.0, 1e-4), (reach - 40, 1e-4, 1.0)):
        part = engine.stylize(image[..., 160 - rim :, 160 - rim :], style, whole.statistics).image
        gap = float((part[..., rim:, rim:] - whole.image[..., 160:, 160:]).abs().max())
        assert least <= gap <= most, (rim, gap)


@torch.inference_mode()
def test_bfloat16_paints_nearly_what_float32_does(
    engine: Photoreal, style: FeatureStatistics, frame: Tensor
) -> None:
    exact, coarse = (engine.stylize(each, style).image for each in (frame, frame.bfloat16()))
    assert coarse.dtype == torch.bfloat16
    assert (coarse.float() - exact).abs().mean() < 0.008


def test_weak_strengths_come_near_the_clip_without_a_step() -> None:
    pixels = np.asarray(load(next(iter(bundled_styles()))))[:96, :128]
    gaps = []
    for strength in (0.0, 0.05, 0.095, 0.105, 0.5, 1.0, 1.25):
        stylizer = Stylizer("waves", engine="photoreal", strength=strength, detail=0, precision="fp32")
        gaps.append(float(np.abs(stylizer.image(np.ascontiguousarray(pixels)).astype(float) - pixels).mean()))
    assert gaps[0] == 0 and gaps == sorted(gaps)
    assert gaps[3] < 1.2 * gaps[2] and gaps[2] < 0.5 * gaps[5]


def test_a_file_may_leave_out_the_encoder_but_no_decoder(tmp_path: Path, engine: Photoreal) -> None:
    bundled = weights.load(weights.PHOTOREAL)
    assert {key.split(".")[0] for key in bundled} == {f"decoder{level}" for level in LEVELS}
    whole, other = tmp_path / "whole.safetensors", tmp_path / "other.safetensors"
    save_file(with_encoder(bundled), whole)
    loaded = load_engine("photoreal", whole)
    assert all(torch.equal(one, two) for one, two in zip(loaded.buffers(), engine.buffers(), strict=True))
    save_file({key: value for key, value in bundled.items() if key != "decoder2.1.bias"}, other)
    with pytest.raises(WeightsMismatch, match=r"other\.safetensors does not hold .*decoder2\.1\.bias"):
        load_engine("photoreal", other)
    save_file({key: value[..., :1].contiguous() for key, value in bundled.items()}, other)
    with pytest.raises(WeightsMismatch, match=r"other\.safetensors does not fit"):
        load_engine("photoreal", other)


def _painted(name: str, frame: Tensor) -> Tensor:
    engine = load_engine(name)
    return engine.stylize(frame, engine.encode_style(picture(-1))).image


def _mean(image: Tensor) -> Tensor:
    return image.mean((2, 3))


def _deviation(image: Tensor) -> Tensor:
    return image.std((2, 3))
