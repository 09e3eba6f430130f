"""The base class of runtimes: what computes an engine's paintings inside a shot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch

from vidstyle.device import PRECISIONS, choose_precision
from vidstyle.engines.base import AnyEngine
from vidstyle.errors import OptionError, suggestion


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """What the rest of vidstyle must know of a runtime."""

    title: str
    """Its name in texts."""
    modules: tuple[str, ...] = ()
    """What must be importable: libraries of an extra."""
    devices: tuple[str, ...] | None = ("cpu",)
    """Kinds of devices that it computes on; None: all."""
    precisions: tuple[str, ...] = ("fp32",)
    """Number formats that it computes in: names of ``PRECISIONS``."""


class Runtime(ABC):
    """Runs engines' networks; made without arguments."""

    info: ClassVar[RuntimeInfo]

    @abstractmethod
    def prepared(self, engine: AnyEngine, precision: torch.dtype, device: torch.device) -> AnyEngine:
        """An engine that paints on ``device`` as ``engine`` does, with statistics given by this runtime.

        What it needs is loaded and compiled here, with as many threads as torch has now. Raises
        ``OptionError`` for a missing library, and for an engine that it cannot run.
        """

    def check(self, device: torch.device) -> None:
        """Raise a ``VidstyleError`` if it cannot run on ``device`` here; its libraries are installed."""
        return

    def precision(self, name: str, device: torch.device) -> torch.dtype:
        """The dtype of ``--precision`` ``name`` on ``device``; for auto one that the runtime computes in.

        Raises ``OptionError``.
        """
        chosen = choose_precision(name, device)
        if chosen in [PRECISIONS[known] for known in self.info.precisions]:
            return chosen
        if name == "auto":
            return torch.float32
        hint = suggestion(name, ("auto", *self.info.precisions))
        raise OptionError(f"{self.info.title} does not compute in {name}; {hint}")
