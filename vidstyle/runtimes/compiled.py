"""The runtime compiled: an engine's network as torch.compile makes it, on the CPU and on CUDA."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Generator, Sequence
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from vidstyle.cache_folder import cache_folder
from vidstyle.device import PRECISIONS
from vidstyle.engines.base import AnyEngine, Engine, Painted, Statistics
from vidstyle.engines.network import Network
from vidstyle.errors import OptionError
from vidstyle.runtimes.base import Runtime, RuntimeInfo
from vidstyle.runtimes.network_engine import NetworkEngine

log = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)

_CACHE = "TORCHINDUCTOR_CACHE_DIR"
# on a CPU torch's convolutions of small images take another way, for which all would be compiled again
_LEAST = 160 * 160  # px²: smaller images are painted by the engine
_EXAMPLE = 192, 256  # px, height and width of the image that is compiled with: not below ``_LEAST``


class Compiled(Runtime):
    """Compiles once for all sizes; what it made is kept in vidstyle's cache folder."""

    info: ClassVar[RuntimeInfo] = RuntimeInfo(
        title="torch.compile", devices=("cpu", "cuda"), precisions=tuple(PRECISIONS)
    )

    def prepared(self, engine: AnyEngine, precision: torch.dtype, device: torch.device) -> AnyEngine:
        network = engine.exportable()
        if network is None:
            raise OptionError(
                f"{engine.info.title} runs in torch only, not in {self.info.title}; leave out --runtime"
            )
        _check_compilers(device)
        folder = cache_folder("compiled")
        if folder is not None:
            os.environ.setdefault(_CACHE, str(folder))  # read when something is compiled first
        made: CompiledEngine[object, Statistics] = CompiledEngine(
            engine, network.eval(), precision, device
        )
        log.info("compiling the network of %s; the first time takes a minute or so", engine.info.title)
        try:
            made.compile_now()
        except RuntimeError as error:  # as which torch raises what compilers say
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise OptionError(
                f"torch.compile cannot compile the network of {engine.info.title} here ({reason}); "
                "leave out --runtime compiled"
            ) from error
        return made


class CompiledEngine(NetworkEngine[S, T, list[Tensor]], Generic[S, T]):
    """Paints by a compiled copy of its engine's ``network``, in ``precision``."""

    def __init__(
        self, engine: Engine[S, T], network: Network[S, T], precision: torch.dtype, device: torch.device
    ) -> None:
        super().__init__(engine, network)
        self._precision, self._device = precision, device
        # inputs are made by the network itself, in float32
        self._copy = copy.deepcopy(network).to(precision)
        self._compiled = torch.compile(self._copy, dynamic=True)
        self.to(device)

    def stylize(self, image: Tensor, style: S, statistics: T | None = None) -> Painted[T]:
        if image.device.type == "cpu" and image.shape[-2] * image.shape[-1] < _LEAST:
            return self.engine.stylize(image, style, statistics)
        with torch.inference_mode():  # what is compiled holds for this mode
            return super().stylize(image, style, statistics)

    def converted(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return [part.to(self._device, self._precision, copy=True) for part in inputs]

    def compute(self, image: Tensor, inputs: list[Tensor]) -> Tensor:
        # always in the same order of memory, for which it is compiled
        frame = image.to(self._precision).contiguous(memory_format=torch.channels_last)
        painted: Tensor = self._compiled(frame, inputs)
        return painted.to(image.dtype)

    @torch.inference_mode()
    def compile_now(self) -> None:
        """Paint an example."""
        noise = torch.rand(2, 3, *_EXAMPLE, generator=torch.Generator().manual_seed(0))
        first, second = noise.to(self._device).split(1)
        style = self.encode_style(first)
        with _quiet():
            self.stylize(second, style, self.engine.stylize(second, style).statistics)


def _check_compilers(device: torch.device) -> None:
    """Raise ``OptionError`` if what torch.compile needs to make code for ``device`` is not installed."""
    if device.type != "cpu":
        if importlib.util.find_spec("triton") is None:
            package = "triton-windows" if sys.platform == "win32" else "triton"
            raise OptionError(
                f"--runtime compiled needs Triton on a GPU, which is not installed; pip install {package}"
            )
        return
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)
    if shutil.which(compiler) is None:
        install = {
            "darwin": "xcode-select --install",
            "win32": "install the Build Tools for Visual Studio",
        }.get(sys.platform, "apt install g++, or set CXX")
        raise OptionError(f"--runtime compiled needs a C++ compiler, and there is no {compiler}; {install}")


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    """A context in which torch does not log where it looks for CUDA."""
    logger = logging.getLogger("torch.utils.cpp_extension")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
