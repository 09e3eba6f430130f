"""An engine whose network is computed by a runtime once the statistics of a shot are known."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import torch.nn.functional as F
from torch import Tensor

from vidstyle.engines.base import AnyEngine, Engine, Painted, Statistics
from vidstyle.engines.network import Network

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)
P = TypeVar("P")
"""The type in which a runtime takes the network's inputs."""


class NetworkEngine(Engine[S, T], Generic[S, T, P]):
    """Paints by its engine's ``network`` with statistics given, else by the engine itself."""

    def __init__(self, engine: Engine[S, T], network: Network[S, T]) -> None:
        super().__init__()
        self.engine = engine
        vars(self)["info"] = engine.info  # which other engines have in their class
        self.made_with = engine.made_with
        self._network = network
        self._known: tuple[S, T, P] | None = None  # the latest inputs, and what they were made of

    @abstractmethod
    def converted(self, inputs: Sequence[Tensor]) -> P:
        """The network's ``inputs`` as ``compute`` takes them; called once for a style and statistics."""

    @abstractmethod
    def compute(self, image: Tensor, inputs: P) -> Tensor:
        """The painting of ``image`` (B, 3, H, W), sides multiples of the network's, of its device and dtype.

        It must not be overwritten later.
        """

    @property
    def itself(self) -> AnyEngine:
        return self.engine.itself

    def encode_style(self, image: Tensor) -> S:
        return self.engine.encode_style(image)

    def mix(self, styles: Sequence[S], weights: Sequence[float]) -> S:
        return self.engine.mix(styles, weights)

    def at_strength(self, style: S, strength: float) -> S:
        return self.engine.at_strength(style, strength)

    def style_tensors(self, style: S) -> Mapping[str, Tensor] | None:
        return self.engine.style_tensors(style)

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> S:
        return self.engine.style_from_tensors(tensors)

    def exportable(self) -> Network[S, T] | None:
        return self._network

    def stylize(self, image: Tensor, style: S, statistics: T | None = None) -> Painted[T]:
        if statistics is None:
            return self.engine.stylize(image, style)
        self.check_image(image, statistics)
        height, width = image.shape[-2:]
        multiple, frame = self._network.multiple, image
        if height % multiple or width % multiple:
            frame = F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="reflect")
        painted = self.compute(frame, self._inputs(style, statistics))[..., :height, :width]
        return Painted(painted.clamp_(0.0, 1.0), statistics)

    def _inputs(self, style: S, statistics: T) -> P:
        known = self._known
        if known is None or known[0] is not style or known[1] is not statistics:
            inputs = self.converted(self._network.inputs(style, statistics))
            self._known = known = (style, statistics, inputs)
        return known[2]
