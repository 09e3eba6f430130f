"""Contract tests of parts: subclass them in a package's own tests, and pytest runs them on its parts.

    from vidstyle.testing import EngineContract

    class TestMyEngine(EngineContract):
        def make(self, device):
            return MyEngine().to(device)

Tests that must hold on a GPU too run on every device there is.
"""

from vidstyle.testing.devices import devices
from vidstyle.testing.engines import EngineContract
from vidstyle.testing.features import FeaturesContract
from vidstyle.testing.flows import FlowContract
from vidstyle.testing.losses import LossContract, make_step
from vidstyle.testing.metrics import MetricContract
from vidstyle.testing.runtimes import RuntimeContract

__all__ = [
    "EngineContract",
    "FeaturesContract",
    "FlowContract",
    "LossContract",
    "MetricContract",
    "RuntimeContract",
    "devices",
    "make_step",
]
