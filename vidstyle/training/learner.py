"""The base class of students: networks that recipes name, trained by an objective, exported for engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from vidstyle.weights import Weights


class Learner(nn.Module, ABC):
    """A network in training: any batch, each picture with its own embedding. ``STUDENTS`` lists them."""

    bundled: ClassVar[Weights | None]
    """The bundled weights that training may start from; None if there are none."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Start from exported ``tensors``; ``WeightsMismatch`` names the file if they do not fit."""

    @abstractmethod
    def standardise(self, descriptors: Tensor) -> None:
        """Standardise the input by ``descriptors`` (N, 2816), N > 1; embeddings stay the same."""

    @abstractmethod
    def forget(self, parts: tuple[str, ...]) -> None:
        """Set those of ``parts`` that it has to random weights."""

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters by part, as ``learns`` names them; those of "encoder" have a rate of their own."""

    @abstractmethod
    def encode(self, descriptors: Tensor) -> Tensor:
        """Embeddings (B, N) of the descriptors (B, 2816) of style pictures."""

    @abstractmethod
    def paint(self, image: Tensor, embeddings: Tensor) -> Tensor:
        """Paint ``image`` (B, 3, H, W) in [0, 1], sides of 16 px or more, each with its embedding (B, N)."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The tensors for export to an engine, float32 on the CPU."""
