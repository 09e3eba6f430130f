"""Facts that hold for every registered metric; a new one is tested by being listed."""

from __future__ import annotations

import pytest

from vidstyle.metrics.base import Metric, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.registry import METRICS
from vidstyle.testing import MetricContract

# their network does not come with vidstyle: see test_perception and test_fid
ELSEWHERE = ("lpips", "tlpips", "fid", "art_fid", "clip_consistency")


class TestMetrics(MetricContract):
    @pytest.fixture(autouse=True, params=[name for name in METRICS.bundled if name not in ELSEWHERE])
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    def make(self, setup: Setup) -> Metric:
        metric: Metric = METRICS.load(self.name)(setup)
        return metric


@pytest.mark.parametrize("name", METRICS.bundled)
def test_it_says_how_its_numbers_are_read(name: str) -> None:
    assert isinstance(METRICS.load(name).meaning, Meaning)
