"""The runtime ONNX Runtime, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from vidstyle.optional_imports import require
from vidstyle.runtimes.base import RuntimeInfo
from vidstyle.runtimes.exported_engine import Array, Session
from vidstyle.runtimes.graph import GraphRuntime

_WARNINGS = 3  # of ONNX Runtime's levels of logging: errors only


class OnnxRuntime(GraphRuntime):
    info: ClassVar[RuntimeInfo] = RuntimeInfo(
        title="ONNX Runtime", modules=("onnxruntime", "onnx", "onnxscript")
    )

    def session(self, model: bytes, precision: torch.dtype) -> Session:
        library = require("onnxruntime", f"the runtime {self.info.title}")
        options = library.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = _WARNINGS
        # threads that spin while they wait compete with decoder and encoder
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        made = library.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        image, *names = (value.name for value in made.get_inputs())

        def run(frame: Array, inputs: Sequence[Array]) -> Array:
            feed = {image: frame, **dict(zip(names, inputs, strict=True))}
            return np.asarray(made.run(None, feed)[0])

        return run
