"""An engine whose network runs in another library, which takes arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.engines.base import Engine, Statistics
from vidstyle.engines.network import Network
from vidstyle.runtimes.network_engine import NetworkEngine

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)
Array = NDArray[np.float32]

Session = Callable[[Array, Sequence[Array]], Array]
"""A network in a runtime: from an image (B, 3, H, W) and the network's inputs to the painting, float32.

The inputs of two calls are the same object if they are the same; the painting may be overwritten later.
"""


class ExportedEngine(NetworkEngine[S, T, list[Array]], Generic[S, T]):
    """Paints by a ``session`` of its engine's ``network``."""

    def __init__(self, engine: Engine[S, T], network: Network[S, T], session: Session) -> None:
        super().__init__(engine, network)
        self._session = session

    def converted(self, inputs: Sequence[Tensor]) -> list[Array]:
        return [np.ascontiguousarray(part.numpy()) for part in inputs]

    def compute(self, image: Tensor, inputs: list[Array]) -> Tensor:
        result = self._session(image.float().contiguous().cpu().numpy(), inputs)
        # a copy, as the runtime writes the next painting into the same memory
        return torch.from_numpy(result).to(image, copy=True)
