"""Facts that every registered engine meets; a new engine is tested by being listed."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from vidstyle.engines.base import Engine, load_engine
from vidstyle.registry import ENGINES
from vidstyle.testing import EngineContract

# an optimisation of the usual length takes seconds a picture; its length changes none of these facts
_OPTIONS = {"gatys": {"iterations": 8, "features": "small"}}


@cache
def _loaded(name: str, device: str) -> Engine[Any, Any]:
    return load_engine(name, options=_OPTIONS.get(name, {})).to(device)


class TestEngines(EngineContract):
    @pytest.fixture(autouse=True, params=sorted(ENGINES.bundled))
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    def make(self, device: str) -> Engine[Any, Any]:
        return _loaded(self.name, device)
