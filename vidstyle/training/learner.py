"""What a network that learns is: what recipes name, trained by its objective and exported for engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from vidstyle.weights import Weights


class Learner(nn.Module, ABC):
    """A network as it learns: any batch, each picture in a code of its own. ``STUDENTS`` names them."""

    bundled: ClassVar[Weights | None]
    """The weights that come with the package and that learning may begin from; None if there are none."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Begin from exported ``tensors``; ``WeightsMismatch`` names the file if they do not fit."""

    @abstractmethod
    def standardise(self, descriptors: Tensor) -> None:
        """Fit the scale of what is learnt from to ``descriptors`` (N, 2816), N > 1; codes stay the same."""

    @abstractmethod
    def forget(self, parts: tuple[str, ...]) -> None:
        """Set those of ``parts`` that it has to where learning from nothing begins."""

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters by part, as ``learns`` names them; those of "encoder" have a rate of their own."""

    @abstractmethod
    def encode(self, descriptors: Tensor) -> Tensor:
        """Codes (B, N) of the descriptors (B, 2816) of style pictures."""

    @abstractmethod
    def paint(self, image: Tensor, codes: Tensor) -> Tensor:
        """Paint ``image`` (B, 3, H, W) in [0, 1], sides of 16 px or more, each in its code (B, N)."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What is exported for an engine, float32 on the CPU."""
