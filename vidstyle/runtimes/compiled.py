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
from dataclasses import replace
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
_COMPILERS = {  # by system: that which torch takes, and what installs it
    "linux": ("g++", "install the package g++ (Debian) or gcc-c++ (Fedora), or set CXX"),
    "darwin": ("clang++", "xcode-select --install"),
    "win32": ("cl", "install the Build Tools for Visual Studio, and start from their command prompt"),
}
_GRAPHS_SINCE = "2.14"  # before, torch has CUDA graphs in the thread only that imported it
_GRID = 64  # px
_EXAMPLE = 192, 256  # px, height and width of the image that is compiled with: not below ``_LEAST``


class Compiled(Runtime):
    """Compiles once for all sizes; what it made is kept in vidstyle's cache folder."""

    info: ClassVar[RuntimeInfo] = RuntimeInfo(
        title="torch.compile", modules=("torch",), devices=("cpu", "cuda"), precisions=tuple(PRECISIONS)
    )

    def check(self, device: torch.device) -> None:
        if device.type != "cpu":
            if importlib.util.find_spec("triton") is None:
                package = "triton-windows" if sys.platform == "win32" else "triton"
                raise OptionError(
                    f"--runtime compiled needs Triton on a GPU, which is not installed; pip install {package}"
                )
            return
        usual, install = _COMPILERS.get(sys.platform, _COMPILERS["linux"])
        compiler = os.environ.get("CXX", usual)
        if shutil.which(compiler) is None:
            raise OptionError(
                f"--runtime compiled needs a C++ compiler, and {compiler} is not installed; {install}"
            )

    def prepared(self, engine: AnyEngine, precision: torch.dtype, device: torch.device) -> AnyEngine:
        network = engine.exportable()
        if network is None:
            raise OptionError(
                f"{engine.info.title} runs in torch only, not in {self.info.title}; leave out --runtime"
            )
        self.check(device)
        folder = cache_folder("compiled")
        if folder is not None:
            os.environ.setdefault(_CACHE, str(folder))  # read when something is compiled first
        made: CompiledEngine[object, Statistics] = CompiledEngine(engine, network.eval(), precision, device)
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
        # a CUDA graph is recorded for each size, so parts of frames come in few sizes
        self._has_graphs = device.type == "cuda" and torch.__version__ >= _GRAPHS_SINCE
        if self._has_graphs:
            vars(self)["info"] = replace(engine.info, grid=_GRID)
        mode = "reduce-overhead" if self._has_graphs else "default"
        self._compiled = torch.compile(self._copy, dynamic=True, mode=mode)
        self.to(device)

    def stylize(self, image: Tensor, style: S, statistics: T | None = None) -> Painted[T]:
        if image.device.type == "cpu" and image.shape[-2] * image.shape[-1] < _LEAST:
            return self.engine.stylize(image, style, statistics)
        with torch.inference_mode():  # what is compiled holds for this mode
            return super().stylize(image, style, statistics)

    def converted(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return [part.to(self._device, self._precision, copy=True) for part in inputs]

    def compute(self, image: Tensor, inputs: list[Tensor]) -> Tensor:
        # always with the strides for which it is compiled: contiguous() would keep those that a batch of one
        # may have besides, and all would be compiled again in the middle of a clip
        frame = torch.empty_like(image, dtype=self._precision, memory_format=torch.channels_last).copy_(image)
        if self._has_graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        painted: Tensor = self._compiled(frame, inputs)
        # a copy, as a graph writes the next painting into the same memory
        return painted.to(image.dtype, copy=self._has_graphs)

    @torch.inference_mode()
    def compile_now(self) -> None:
        """Paint an example."""
        noise = torch.rand(2, 3, *_EXAMPLE, generator=torch.Generator().manual_seed(0))
        pictures = noise.to(self._device)
        style, second = self.encode_style(pictures[:1]), pictures[1:]
        with _quiet():
            self.stylize(second, style, self.engine.stylize(second, style).statistics)


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
