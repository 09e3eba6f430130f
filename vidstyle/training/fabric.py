"""Lightning Fabric for a run, and the state of all random generators."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import torch

from vidstyle.device import choose_device
from vidstyle.optional_imports import require
from vidstyle.training.config import TrainOptions

_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def launch(options: TrainOptions) -> Any:
    """Set up and launch Lightning Fabric with the devices and precision of ``options``."""
    library = require("lightning_fabric", "training")
    device = choose_device(options.device)
    devices = [device.index] if device.index is not None and options.devices == 1 else options.devices
    fabric = library.Fabric(
        accelerator=device.type, devices=devices, precision=_PRECISIONS[options.precision]
    )
    fabric.launch()
    return fabric


def random_state() -> dict[str, Any]:
    """The state of all random generators of the process, in plain values and tensors."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    version, numbers, gauss = random.getstate()
    return {"torch": torch.get_rng_state(), "cuda": cuda, "python": [version, list(numbers), gauss]}


def set_random(state: Mapping[str, Any]) -> None:
    """Restore a state from ``random_state``."""
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
