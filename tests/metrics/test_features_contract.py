"""Facts that hold for every registered perceptual encoder; a new one is tested by being listed."""

from __future__ import annotations

from functools import cache

import pytest
from torchvision.models.vgg import cfgs, make_layers

from vidstyle.metrics.perceptual_features import Features
from vidstyle.metrics.vgg19 import VGG19
from vidstyle.registry import FEATURES
from vidstyle.testing import FeaturesContract


@cache
def _loaded(name: str, device: str) -> Features:
    if name == "vgg19":  # its weights are a file of the user's; any others meet the contract as well
        return Features(VGG19(make_layers(cfgs["E"])).to(device))
    features: Features = FEATURES.load(name)(device)
    return features


class TestFeatures(FeaturesContract):
    @pytest.fixture(autouse=True, params=FEATURES.bundled)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    def make(self, device: str) -> Features:
        return _loaded(self.name, device)
