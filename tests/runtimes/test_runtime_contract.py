"""Facts that every registered runtime meets; a new runtime is tested by being listed."""

from __future__ import annotations

import pytest

from vidstyle.registry import RUNTIMES
from vidstyle.runtimes.base import Runtime
from vidstyle.runtimes.choice import missing
from vidstyle.testing import RuntimeContract

# compiled has its contract in test_compiled.py, with a network that is compiled in seconds
HERE = [name for name in sorted(RUNTIMES.bundled) if name != "compiled" and not missing(name)]


@pytest.mark.usefixtures("shared_cache")
@pytest.mark.slow(reason="the first of them waits for the export of a network")
class TestRuntimes(RuntimeContract):
    @pytest.fixture(autouse=True, params=HERE)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    def make(self) -> Runtime:
        made = RUNTIMES.load(self.name)()
        assert isinstance(made, Runtime)
        return made


def test_the_runtimes_of_the_test_environment_are_all_here() -> None:
    assert {"torch", "onnxruntime", "openvino"} <= set(HERE)
