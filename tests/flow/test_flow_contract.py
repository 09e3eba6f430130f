"""Facts that every registered flow estimator meets; a new one is tested by being listed."""

from __future__ import annotations

from functools import cache

import pytest

from vidstyle.flow.base import FlowEstimator, load_flow
from vidstyle.registry import FLOWS
from vidstyle.testing import FlowContract


@cache
def _loaded(name: str, device: str) -> FlowEstimator:
    return load_flow(name, device)


class TestFlows(FlowContract):
    # the weights of raft-large are a file of the user's
    @pytest.fixture(autouse=True, params=[name for name in FLOWS.bundled if name != "raft-large"])
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    def make(self, device: str) -> FlowEstimator:
        return _loaded(self.name, device)
