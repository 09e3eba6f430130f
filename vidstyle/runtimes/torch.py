"""The runtime torch: engines paint by themselves."""

from __future__ import annotations

from typing import ClassVar

import torch

from vidstyle.device import PRECISIONS
from vidstyle.engines.base import AnyEngine
from vidstyle.runtimes.base import Runtime, RuntimeInfo


class Torch(Runtime):
    """Every engine runs in it, on every device."""

    info: ClassVar[RuntimeInfo] = RuntimeInfo(title="torch", devices=None, precisions=tuple(PRECISIONS))

    def prepared(self, engine: AnyEngine, precision: torch.dtype, device: torch.device) -> AnyEngine:
        return engine
