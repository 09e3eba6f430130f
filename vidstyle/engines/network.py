"""An engine's network for given statistics, as one graph: all that changes from shot to shot are inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from torch import Tensor, nn

from vidstyle.engines.base import Statistics

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)


class Network(nn.Module, ABC, Generic[S, T]):
    """Paints as its engine does with statistics given, without writing in place and without branches.

    It is what ``torch.export`` records, and what other runtimes compute.
    """

    multiple: ClassVar[int]
    """Sides of images must be multiples of this many px."""
    names: tuple[str, ...]
    """Those of ``inputs``, in order."""

    @abstractmethod
    def inputs(self, style: S, statistics: T) -> Sequence[Tensor]:
        """What ``forward`` takes besides the image for a ``style`` and ``statistics``, float32, on the CPU.

        Shapes depend on the engine only.
        """

    @abstractmethod
    def forward(self, image: Tensor, inputs: Sequence[Tensor]) -> Tensor:
        """Paint ``image`` (B, 3, H, W) in [0, 1]; same shape and range back."""
