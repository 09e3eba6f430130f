"""Facts that every registered engine meets; a new engine is tested by being listed."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tiny_models import save_unet

from vidstyle import weights
from vidstyle.engines.base import Engine, load_engine
from vidstyle.errors import WeightsMissing
from vidstyle.registry import ENGINES
from vidstyle.testing import EngineContract

# an optimisation of the usual length takes seconds a picture; its length changes none of these facts
_OPTIONS: dict[str, dict[str, object]] = {
    "gatys": {"iterations": 8, "features": "small"},
    "diffusion": {"steps": 3},
}
# what engines that come without weights begin their training from
_WEIGHTS = {"adain": weights.SMALL_VGG, "attention": weights.SMALL_VGG}


@cache
def _loaded(name: str, device: str) -> Engine[Any, Any]:
    file = weights.find(_WEIGHTS[name]) if name in _WEIGHTS else None
    with tempfile.TemporaryDirectory() as folder:
        if name == "diffusion":
            file = save_unet(Path(folder))
        return load_engine(name, file, _OPTIONS.get(name, {})).to(device)


class TestEngines(EngineContract):
    @pytest.fixture(autouse=True, params=sorted(ENGINES.bundled))
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    def make(self, device: str) -> Engine[Any, Any]:
        return _loaded(self.name, device)


@pytest.mark.parametrize("name", sorted(_WEIGHTS))
def test_an_engine_without_weights_says_how_to_get_some(name: str) -> None:
    with pytest.raises(WeightsMissing, match=f"give --weights FILE, made by vidstyle train {name}"):
        load_engine(name)
