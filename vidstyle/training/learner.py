"""The base class of students: networks that recipes train and export for engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from vidstyle.errors import OptionError
from vidstyle.losses.base import Autoencoding
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import Weights


class Learner(nn.Module, ABC):
    """A network in training; it paints each picture of a batch with its own embedding."""

    bundled: ClassVar[Weights]
    """The bundled weights from which training may start."""
    engine: ClassVar[str]
    """The engine, of ``ENGINES``, that exported weights are for."""
    is_autoencoder: ClassVar[bool] = False
    """Whether it has ``autoencode``, which losses that need "autoencoding" call for."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load exported ``tensors`` of the file ``name``; raises ``WeightsMismatch`` if they do not fit."""

    def narrow(self, share: float) -> None:
        """Keep ``share`` (0 to 1) of the channels; raises ``OptionError`` if it has a fixed number."""
        raise OptionError(f"width: the network of {self.engine} has a fixed number of channels; leave it out")

    @abstractmethod
    def prepare(self, styles: StyleBatch) -> None:
        """Prepare a new run by some style pictures: standardise the input, fit a layer in advance.

        Embeddings stay the same.
        """

    @abstractmethod
    def randomise(self, parts: tuple[str, ...]) -> None:
        """Set ``parts`` to random weights; parts that it does not have are ignored."""

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Part (as in the setting ``learns``) to parameters; "encoder" has its own learning rate."""

    @abstractmethod
    def encode(self, styles: StyleBatch) -> Tensor:
        """Embeddings (B, N) of B style pictures."""

    @abstractmethod
    def paint(self, image: Tensor, embeddings: Tensor, number: int | None = None) -> Tensor:
        """Paint ``image`` (B, 3, H, W) in [0, 1], with sides of 16 px or more, with ``embeddings`` (B, N).

        ``number`` is that of the training step, for students that learn one part after the other; None
        paints with all of them.
        """

    def autoencode(self, image: Tensor) -> Autoencoding:
        """Encode and decode ``image`` (B, 3, H, W) in [0, 1]; only an autoencoder can."""
        raise NotImplementedError

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The tensors for export to an engine, float32 on the CPU."""
