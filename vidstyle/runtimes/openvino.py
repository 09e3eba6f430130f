"""The runtime OpenVINO, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from vidstyle.cache_folder import cache_folder
from vidstyle.optional_imports import require
from vidstyle.runtimes.base import RuntimeInfo
from vidstyle.runtimes.exported_engine import Array, Session
from vidstyle.runtimes.graph import GraphRuntime

_HINTS = {torch.float32: "f32", torch.bfloat16: "bf16"}


class OpenVino(GraphRuntime):
    """Compiled models are kept in vidstyle's cache folder."""

    info: ClassVar[RuntimeInfo] = RuntimeInfo(
        title="OpenVINO", modules=("openvino", "onnx", "onnxscript"), precisions=("fp32", "bf16")
    )

    def session(self, model: bytes, precision: torch.dtype) -> Session:
        library = require("openvino", f"the runtime {self.info.title}")
        core = library.Core()
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # decoder and encoder run on the same cores
        }
        folder = cache_folder("openvino")
        if folder is not None:
            settings["CACHE_DIR"] = str(folder)
        request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()
        latest: list[Sequence[Array]] = []  # the inputs that the request has, kept alive

        def run(frame: Array, inputs: Sequence[Array]) -> Array:
            if not latest or latest[0] is not inputs:
                for place, part in enumerate(inputs, start=1):
                    request.set_input_tensor(place, library.Tensor(part, shared_memory=True))
                latest[:] = [inputs]
            request.set_input_tensor(0, library.Tensor(frame, shared_memory=True))
            request.infer()
            return np.asarray(request.get_output_tensor(0).data)

        return run
