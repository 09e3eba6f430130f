"""The base class of runtimes that run exported networks."""

from __future__ import annotations

import logging
from abc import abstractmethod

import torch

from vidstyle.engines.base import AnyEngine
from vidstyle.errors import OptionError
from vidstyle.optional_imports import require
from vidstyle.runtimes.base import Runtime
from vidstyle.runtimes.exported_engine import ExportedEngine, Session
from vidstyle.runtimes.model_cache import kept_model

log = logging.getLogger(__name__)


class GraphRuntime(Runtime):
    """Runs ONNX models."""

    @abstractmethod
    def session(self, model: bytes, precision: torch.dtype) -> Session:
        """The ONNX ``model``, ready to run in ``precision``."""

    def prepared(self, engine: AnyEngine, precision: torch.dtype, device: torch.device) -> AnyEngine:
        network = engine.exportable()
        if network is None:
            raise OptionError(
                f"{engine.info.title} runs in torch only, not in {self.info.title}; leave out --runtime"
            )
        for module in self.info.modules:
            require(module, f"the runtime {self.info.title}")
        self.check(device)
        model = kept_model(engine, precision="fp16" if precision == torch.float16 else "fp32")
        session = self.session(model, precision)
        return ExportedEngine(engine, network.eval(), session)
