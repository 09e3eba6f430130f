"""An engine whose network runs in another runtime once the statistics of a shot are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.engines.base import AnyEngine, Engine, Painted, Statistics
from vidstyle.engines.network import Network

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)
Array = NDArray[np.float32]

Session = Callable[[Array, Sequence[Array]], Array]
"""A network in a runtime: from an image (B, 3, H, W) and the network's inputs to the painting, float32.

The inputs of two calls are the same object if they are the same; the painting may be overwritten later.
"""


class ExportedEngine(Engine[S, T], Generic[S, T]):
    """Paints by a ``session`` of its engine's ``network`` with statistics given, else by the engine."""

    def __init__(self, engine: Engine[S, T], network: Network[S, T], session: Session) -> None:
        super().__init__()
        self.engine = engine
        vars(self)["info"] = engine.info  # which other engines have in their class
        self.made_with = engine.made_with
        self._network = network
        self._session = session
        self._known: tuple[S, T, list[Array]] | None = None  # the latest inputs, and what they were made of

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
        multiple = self._network.multiple
        frame = image.float()
        if height % multiple or width % multiple:
            frame = F.pad(frame, (0, -width % multiple, 0, -height % multiple), mode="reflect")
        result = self._session(frame.contiguous().cpu().numpy(), self._inputs(style, statistics))
        # a copy, as the runtime writes the next painting into the same memory
        painted = torch.from_numpy(result)[..., :height, :width].to(image, copy=True)
        return Painted(painted.clamp_(0.0, 1.0), statistics)

    def _inputs(self, style: S, statistics: T) -> list[Array]:
        known = self._known
        if known is None or known[0] is not style or known[1] is not statistics:
            arrays = [np.ascontiguousarray(part.numpy()) for part in self._network.inputs(style, statistics)]
            self._known = known = (style, statistics, arrays)
        return known[2]
