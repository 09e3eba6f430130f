"""Metrics of style, content and likeness checked against values computed another way."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from truth import grid, noisy, run, shifted, still, texture

from vidstyle.errors import OptionError
from vidstyle.metrics.base import Setup
from vidstyle.metrics.content_distance import ContentDistance
from vidstyle.metrics.fidelity import PSNR, SSIM
from vidstyle.metrics.perceptual_features import Features, bundled, limited
from vidstyle.metrics.style_distance import StyleDistance
from vidstyle.metrics.tof import TOF
from vidstyle.nn import vgg

PICTURE = texture(grid(96, 128))
OTHER = 1 - texture(grid(64, 64))


@pytest.fixture(scope="module")
def features() -> Features:
    return bundled()


def test_a_style_has_no_distance_to_itself(features: Features) -> None:
    style = texture(grid(256, 256))  # the size at which styles are looked at
    metric = StyleDistance(Setup(style=style, features=features))
    assert run(metric, still(style, 2)) == pytest.approx(0, abs=1e-5)


def test_style_distance_is_the_relative_distance_of_gram_matrices(features: Features) -> None:
    style = texture(grid(256, 256)).flip(1)
    network = vgg.bundled()
    terms = []
    for layer in ("conv1_1", "conv2_1", "conv3_1", "conv4_1"):
        matrices = []
        for picture in (PICTURE, style):
            scaled = network.features(picture)[layer][0] / network.scale(layer).view(-1, 1, 1)
            values = scaled.flatten(1).double().numpy()
            matrices.append(np.einsum("cp,dp->cd", values, values) / values.shape[1])
        terms.append(np.linalg.norm(matrices[0] - matrices[1]) / np.linalg.norm(matrices[1]))
    value = run(StyleDistance(Setup(style=style, features=features)), still(PICTURE, 1))
    assert value == pytest.approx(float(np.mean(terms)), rel=1e-4)


def test_the_size_and_shape_of_a_style_picture_hardly_matter(features: Features) -> None:
    """It is looked at in an area of 256²: twice the pixels of the same picture change next to nothing."""
    style = texture(grid(192, 300))
    large = torch.nn.functional.interpolate(style, scale_factor=2, mode="bicubic").clamp(0, 1)
    values = [run(StyleDistance(Setup(style=s, features=features)), still(OTHER, 1)) for s in (style, large)]
    assert values[0] == pytest.approx(values[1], rel=0.05)


def test_style_distance_without_a_style_is_refused() -> None:
    with pytest.raises(OptionError, match="style_distance needs the style picture; give --style"):
        StyleDistance(Setup())


def test_a_clip_has_no_content_distance_to_itself(features: Features) -> None:
    assert run(ContentDistance(Setup(features=features)), still(PICTURE, 2)) == 0


def test_content_distance_is_relative_to_the_clip(features: Features) -> None:
    network = vgg.bundled()
    ours, clip = (
        network.features(picture)["conv4_1"] / network.scale("conv4_1").view(1, -1, 1, 1)
        for picture in (1 - PICTURE, PICTURE)
    )
    expected = float((ours - clip).square().mean().sqrt() / clip.square().mean().sqrt())
    value = run(ContentDistance(Setup(features=features)), still(PICTURE, 1), [1 - PICTURE])
    assert value == pytest.approx(expected, rel=1e-5)


def test_more_change_is_more_content_distance(features: Features) -> None:
    values = [
        run(ContentDistance(Setup(features=features)), still(PICTURE, 1), noisy([PICTURE], variance))
        for variance in (0.0001, 0.001, 0.01)
    ]
    assert values == sorted(values, key=lambda value: value or 0)


def test_large_frames_are_looked_at_with_a_short_side_of_480() -> None:
    assert limited(torch.zeros(1, 3, 1080, 1920)).shape == (1, 3, 480, 853)
    small = torch.zeros(1, 3, 480, 200)
    assert limited(small) is small


def test_features_are_taken_once_for_several_metrics() -> None:
    class Counting:
        calls = 0
        layers = ("conv4_1",)

        def features(self, image: torch.Tensor, layers: object = ()) -> dict[str, torch.Tensor]:
            self.calls += 1
            return {"conv4_1": image}

        def scale(self, layer: str) -> torch.Tensor:
            return torch.ones(3)

    encoder = Counting()
    features = Features(encoder)
    assert features(PICTURE) is features(PICTURE)
    features(OTHER)
    assert encoder.calls == 2


def test_psnr_of_a_constant_offset_has_its_closed_form() -> None:
    grey = torch.full((1, 3, 40, 40), 100 / 255)
    assert run(PSNR(), still(grey, 2), [grey + 10 / 255] * 2) == pytest.approx(
        20 * math.log10(25.5), abs=1e-4
    )


def test_psnr_of_equal_pictures_is_infinite() -> None:
    assert run(PSNR(), still(PICTURE, 2)) == math.inf


def test_ssim_of_a_picture_with_itself_is_one() -> None:
    assert run(SSIM(), still(PICTURE, 2)) == pytest.approx(1)


def test_ssim_of_two_flat_greys_has_its_closed_form() -> None:
    one, other = (torch.full((1, 3, 40, 40), level / 255) for level in (100, 150))
    slack = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + slack) / (100**2 + 150**2 + slack)
    assert run(SSIM(), still(one, 1), [other]) == pytest.approx(expected, rel=1e-6)


def test_pictures_smaller_than_ssims_window_have_no_value() -> None:
    assert run(SSIM(), still(PICTURE[..., :6, :20], 2)) is None


def test_tof_of_the_clip_itself_is_zero() -> None:
    assert run(TOF(), shifted(2, 1, count=8)) == 0


def test_tof_of_paint_that_stays_put_is_the_motion_of_the_clip() -> None:
    sequence = shifted(2, 0, count=7)
    value = run(TOF(), sequence, [sequence.frames[0]] * 7)
    assert value == pytest.approx(2, rel=0.1)


def test_tof_leaves_out_two_frames_at_either_end() -> None:
    """Of seven frames the pairs 2-3 and 3-4 are left (TecoGAN's range from 2 to N - 2)."""
    sequence = shifted(2, 0, count=7)
    results = [sequence.frames[0], PICTURE, *sequence.frames[2:5], PICTURE, PICTURE]
    assert run(TOF(), sequence, results) == 0
    results[3] = PICTURE
    value = run(TOF(), sequence, results)
    assert value is not None and value > 0.5


def test_tof_is_farnebacks_flow_in_a_centred_crop() -> None:
    sequence = shifted(1, 1, count=6)
    results = [frame.flip(1) ** 2 for frame in sequence.frames]

    def flow(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
        grey = [
            cv2.cvtColor((p[0].permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8), cv2.COLOR_RGB2GRAY)
            for p in (first, second)
        ]
        field: np.ndarray = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 15, 3, 5, 1.2, 0)  # type: ignore
        return field[16:80, 16:112]  # 96x128 -> 64x96

    ours, clip = flow(results[2], results[3]), flow(sequence.frames[2], sequence.frames[3])
    expected = np.linalg.norm(ours - clip, axis=-1).mean()
    assert run(TOF(), sequence, results) == pytest.approx(float(expected), rel=1e-4)
