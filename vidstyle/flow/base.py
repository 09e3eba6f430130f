"""The interface of flow estimators: callables without state, and what the rest must know of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.errors import OptionError
from vidstyle.registry import FLOWS, name_of_part

Array = NDArray[Any]
"""A NumPy array of any type of number."""


class FlowEstimator(Protocol):
    """Estimates motion between two images."""

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        """Motion (B, 2, H, W) in px, x first.

        source[y, x] corresponds to target[y + flow[1], x + flow[0]].
        ``source`` and ``target`` are (B, 3, H, W) in [0, 1].
        """
        ...


@runtime_checkable
class GreyEstimator(Protocol):
    """An estimator that works on grey integers on the CPU, and may start from a guess."""

    def between(
        self, source: NDArray[np.uint8], target: NDArray[np.uint8], guess: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Motion (H, W, 2) float32 in px, x first, between two grey pictures (H, W) uint8."""
        ...


@runtime_checkable
class RefinedEstimator(Protocol):
    """An estimator with a faster variant for the small motion that remains after a first estimate."""

    def refiner(self) -> FlowEstimator: ...


@dataclass(frozen=True, slots=True)
class FlowInfo:
    """What the rest of vidstyle must know of an estimator: ``info`` of its class; these defaults without."""

    devices: frozenset[str] = frozenset()
    """Kinds of devices ("cpu", "cuda", "mps") on which "auto" means it; only if it is built in."""
    scoring: int | None = None
    """Its place in the order in which an evaluation tries built-in estimators; None: only by name."""


def load_flow(flow: object, device: torch.device | str) -> FlowEstimator:
    """The estimator called ``flow`` ("auto": by device) on ``device``; an object is returned unchanged.

    Raises ``OptionError``, and ``WeightsMissing`` where its weights are not there.
    """
    if not isinstance(flow, str):
        return _checked(flow, name_of_part(flow))
    name = auto_flow(device) if flow == "auto" else flow
    make = FLOWS.load(name)
    if not callable(make):
        raise OptionError(f"the flow {name!r} must be a class or function of a device, got {make!r}")
    try:
        made = make(device=device)
    except TypeError as error:
        raise OptionError(f"the flow {name!r} cannot be made for a device: {error}") from error
    return _checked(made, name)


def auto_flow(device: torch.device | str) -> str:
    """The name of the estimator that "auto" means on ``device``."""
    kind = torch.device(device).type
    return next((name for name in FLOWS.bundled if kind in flow_info(name).devices), FLOWS.bundled[0])


def scoring_flows() -> list[str]:
    """Names of the estimators that score motion, in the order in which they are tried."""
    ranks = {name: flow_info(name).scoring for name in FLOWS.bundled}
    return sorted((name for name in ranks if ranks[name] is not None), key=lambda name: ranks[name] or 0)


def flow_info(name: str) -> FlowInfo:
    """The ``info`` of the estimator called ``name``."""
    return cast(FlowInfo, getattr(FLOWS.load(name), "info", FlowInfo()))


def refiner_of(flow: FlowEstimator) -> FlowEstimator:
    """The estimator for the small motion that remains after ``flow``: its refiner, or itself."""
    return flow.refiner() if isinstance(flow, RefinedEstimator) else flow


def _checked(flow: object, name: str) -> FlowEstimator:
    if isinstance(flow, type) or not callable(flow):
        raise OptionError(
            f"a flow estimator is called with two images (see vidstyle.FlowEstimator); got {name}"
        )
    return cast(FlowEstimator, flow)
