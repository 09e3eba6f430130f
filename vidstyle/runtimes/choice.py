"""Which runtime paints: by name, or by a rule on the hardware and on what is installed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import torch

from vidstyle.device import has_bfloat16
from vidstyle.engines.base import AnyEngine
from vidstyle.errors import OptionError
from vidstyle.registry import RUNTIMES, name_of_part
from vidstyle.runtimes.base import Runtime

_FASTER = "openvino"  # than torch on a CPU without bfloat16


@dataclass(frozen=True, slots=True)
class Choice:
    """A runtime, its name, and why it was chosen."""

    runtime: Runtime
    name: str
    why: str


def choose_runtime(asked: object, engine: AnyEngine, device: torch.device) -> Choice:
    """The runtime ``asked`` for: a name, an object, or auto, which means ``automatic``.

    Raises ``OptionError`` for what is no runtime, and for one that does not compute on ``device``.
    """
    chosen, why = asked, "as asked for"
    if asked == "auto":
        chosen, why = automatic(device) if engine.exportable() is not None else ("torch", "of this engine")
    made = RUNTIMES.load(chosen) if isinstance(chosen, str) else chosen
    runtime = made() if isinstance(made, type) else made
    name = name_of_part(chosen)
    if not isinstance(runtime, Runtime):
        raise OptionError(f"a runtime must be a vidstyle.Runtime, and {name} is {type(runtime)}")
    devices = runtime.info.devices
    if devices is not None and device.type not in devices:
        raise OptionError(
            f"--runtime {name} computes on {' or '.join(devices)}, not on {device.type}; "
            f"leave it out, or give --device {devices[0]}"
        )
    return Choice(runtime, name, why)


def automatic(device: torch.device) -> tuple[str, str]:
    """The name of the runtime that auto means on ``device``, and why; never by measuring."""
    if device.type != "cpu":
        return "torch", f"the device is {device.type}"
    if has_bfloat16():
        return "torch", "the CPU has bfloat16"
    if lacking := missing(_FASTER):
        return "torch", f"{lacking[0]} is not installed"
    return _FASTER, "the CPU has no bfloat16"


def missing(name: str) -> tuple[str, ...]:
    """The libraries that the runtime ``name`` needs and that are not installed, without importing them."""
    info = RUNTIMES.load(name).info
    return tuple(module for module in info.modules if not _is_installed(module))


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module that is marked as missing, or half loaded
        return False
