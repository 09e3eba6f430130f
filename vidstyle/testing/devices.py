"""The devices that contract tests run on."""

from __future__ import annotations

import os

import torch

from vidstyle.errors import DeviceError


def devices() -> list[str]:
    """Kinds of devices that are present, the CPU first.

    Raises ``DeviceError`` with VIDSTYLE_REQUIRE_CUDA=1 and no CUDA device.
    """
    present = ["cpu"]
    if torch.cuda.is_available():
        present.append("cuda")
    elif os.environ.get("VIDSTYLE_REQUIRE_CUDA") == "1":
        raise DeviceError("VIDSTYLE_REQUIRE_CUDA=1 asks for a CUDA device, and there is none")
    return present
