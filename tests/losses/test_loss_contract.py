"""Facts that every registered loss meets; a new one is tested by being listed."""

from __future__ import annotations

import pytest

from vidstyle.losses.base import Loss
from vidstyle.losses.style import StyleLoss
from vidstyle.registry import LOSSES
from vidstyle.testing import LossContract


class TestLosses(LossContract):
    @pytest.fixture(autouse=True, params=LOSSES.bundled)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    def make(self) -> Loss:
        kind = LOSSES.load(self.name)
        made: Loss = kind(sides=(32,)) if issubclass(kind, StyleLoss) else kind()  # the step is of 32 px
        return made
