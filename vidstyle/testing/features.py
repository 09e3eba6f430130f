"""The contract of perceptual encoders, as tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.metrics.perceptual_features import CONTENT_LAYER, LARGEST, STYLE_AREA, STYLE_LAYERS, Features
from vidstyle.testing.devices import devices


class FeaturesContract(ABC):
    """Checks the features of one perceptual encoder, on each device there is; a subclass defines ``make``."""

    @abstractmethod
    def make(self, device: str) -> Features:
        """The features, computed on ``device``."""

    def test_every_layer_of_the_metrics_is_there_at_any_size(self) -> None:
        for device in devices():
            features = self.make(device)
            for size in ((37, 53), (3, 40), (1, 1)):
                layers = features(_picture(*size, device=device))
                missing = {*STYLE_LAYERS, CONTENT_LAYER} - set(layers)
                assert not missing, f"features must have the layers {STYLE_LAYERS}; {missing} are missing"
                for name, values in layers.items():
                    assert values.ndim == 4 and values.shape[0] == 1 and values.numel() > 0, (
                        f"{name} of a picture of {size} px must be (1, C, h, w), it is {tuple(values.shape)}"
                    )
                    assert values.device.type == device, f"{name} must be on {device}: {values.device}"
                    assert torch.isfinite(values).all(), f"{name} of a picture of {size} px is not finite"

    def test_flat_pictures_have_finite_features(self) -> None:
        for device in devices():
            features = self.make(device)
            for level in (0.0, 0.5, 1.0):
                layers = features(torch.full((1, 3, 40, 40), level, device=device))
                assert all(torch.isfinite(values).all() for values in layers.values()), (
                    f"features of a plain picture of {level} are not finite"
                )

    def test_features_carry_no_gradient(self) -> None:
        layers = self.make("cpu")(_picture(37, 53))
        carrying = [name for name, values in layers.items() if values.requires_grad]
        assert not carrying, f"the encoder must be frozen; {carrying} carry a gradient"

    def test_features_depend_on_the_picture_alone_which_stays_as_it_is(self) -> None:
        for device in devices():
            features, picture = self.make(device), _picture(37, 53, device=device)
            copy = picture.clone()
            first = features(picture)
            for seed in range(1, 6):
                features(_picture(50, 41, seed, device=device))
            gap = _distance(first, features(copy))
            assert torch.equal(picture, copy), "the encoder has changed the picture that it was given"
            assert gap < 1e-4, f"features of equal pictures differ by {gap} after others were encoded"

    def test_another_picture_is_farther_away_than_a_noisy_copy(self) -> None:
        for device in devices():
            features, picture = self.make(device), _picture(96, 128, device=device)
            generator = torch.Generator().manual_seed(3)
            noise = 0.01 * torch.randn(picture.shape, generator=generator).to(device)
            near = _distance(features(picture), features((picture + noise).clamp(0, 1)))
            far = _distance(features(picture), features(_picture(96, 128, 1, device=device)))
            assert 0 < near < far, f"a noisy copy is {near} away, and another picture {far}"

    def test_large_pictures_are_encoded_at_a_bounded_size(self) -> None:
        picture = _picture(LARGEST + 60, LARGEST + 120)
        height = self.make("cpu")(picture)[STYLE_LAYERS[0]].shape[-2]
        assert height <= LARGEST, f"the short side is {LARGEST} px at most; the first layer has {height}"

    def test_styles_are_encoded_at_one_area(self) -> None:
        features = self.make("cpu")
        areas = []
        for size in ((90, 120), (300, 400)):
            shape = features.of_style(_picture(*size))[STYLE_LAYERS[0]].shape
            areas.append(shape[-2] * shape[-1])
        assert areas[0] == areas[1] <= STYLE_AREA * 1.02, (
            f"style pictures are encoded at an area of {STYLE_AREA} px²; the first layer has {areas}"
        )


def _picture(height: int, width: int, seed: int = 0, *, device: str = "cpu") -> Tensor:
    """A picture (1, 3, H, W) in [0, 1] of smooth colours and fine texture."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(1, 3, 5, 7, generator=generator)
    picture = 0.7 * F.interpolate(rough, (height, width), mode="bilinear")
    return (picture + 0.3 * torch.rand(1, 3, height, width, generator=generator)).to(device)


def _distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """The root mean square difference of the content layer, relative to the first one's."""
    first, second = one[CONTENT_LAYER], other[CONTENT_LAYER]
    return float((first - second).square().mean().sqrt() / first.square().mean().sqrt().clamp_min(1e-12))
