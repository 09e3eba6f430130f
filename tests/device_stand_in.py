"""A device without a GPU: tensors that are kept apart from those of the CPU, and all that crosses is noted.

To torch they are tensors of the device ``meta``. Their values are computed on the CPU, in tensors that they
hide. As with a GPU, operations on tensors of both are refused, and so are ``numpy()`` and ``tolist()``.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

DEVICE = torch.device("meta")

_WAITING = (  # GPUs are waited for by these, as the shapes or the success of their results are unknown
    *("_local_scalar_dense", "nonzero", "masked_select", "bincount", "unique", "equal", "is_nonzero"),
    *("linalg_eigh", "linalg_solve_ex", "linalg_inv_ex", "linalg_svd", "linalg_cholesky_ex", "_linalg_"),
)


class Resident(Tensor):
    """A tensor on the device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Resident:
        made: Resident = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Outside of ``Device``: what crosses is not noted."""
        return _computed(function, args, kwargs or {}, Crossings())


@dataclass(slots=True)
class Crossings:
    """What crossed since the last ``taken``, each as its shape and type."""

    uploads: list[tuple[tuple[int, ...], torch.dtype]] = field(default_factory=list)
    downloads: list[tuple[tuple[int, ...], torch.dtype]] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    """Names of operations for which a GPU would have to be waited for."""


class Device(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """In this context tensors of ``DEVICE`` have values."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._now = Crossings()

    def __enter__(self) -> Device:
        # views of hidden tensors cannot be made in torch's inference mode, and meta has no autocast
        self._patches = ExitStack()
        self._patches.enter_context(patch("torch.inference_mode", torch.no_grad))
        self._patches.enter_context(patch("torch.autocast", lambda *_, **__: nullcontext()))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._patches.close()

    def taken(self) -> Crossings:
        """What has crossed since this was called last."""
        taken, self._now = self._now, Crossings()
        return taken

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(function, args, kwargs or {}, self._now)


def _computed(function: Any, args: Any, kwargs: dict[str, Any], crossings: Crossings) -> Any:
    name = function.overloadpacket.__name__
    tensors = [each for each in tree_iter((args, kwargs)) if isinstance(each, Tensor)]
    residents = [each for each in tensors if isinstance(each, Resident)]
    wanted = kwargs.get("device")
    is_made_there = wanted is not None and torch.device(wanted).type == DEVICE.type
    if is_made_there:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    is_copy = name in ("_to_copy", "copy_")
    strangers = [each for each in tensors if not isinstance(each, Resident) and each.ndim > 0]
    assert is_copy or not residents or not strangers, f"{name} of tensors of both devices"
    result = function(*tree_map(_held, args), **tree_map(_held, kwargs))
    is_left = bool(residents) and wanted is not None and not is_made_there
    if is_copy:
        into, source = (args[0], args[1]) if name == "copy_" else (None, args[0])
        goes_up = not isinstance(source, Resident) and (is_made_there or isinstance(into, Resident))
        comes_down = isinstance(source, Resident) and (is_left or not isinstance(into, Resident | None))
        if goes_up or comes_down:
            crossed = crossings.uploads if goes_up else crossings.downloads
            crossed.append((tuple(source.shape), source.dtype))
    if residents and (name.startswith(_WAITING) or _is_selected_by_mask(name, args)):
        crossings.waits.append(name)
    if is_left or not (residents or is_made_there) or name == "_local_scalar_dense":
        return result
    return tree_map(_resident, result)


def _is_selected_by_mask(name: str, args: Any) -> bool:
    """Whether values are read by a mask: their number is known to the device only."""
    if name != "index":
        return False
    return any(isinstance(each, Tensor) and each.dtype == torch.bool for each in args[1])


def _held(value: Any) -> Any:
    return value.held if isinstance(value, Resident) else value


def _resident(value: Any) -> Any:
    return Resident(value) if isinstance(value, Tensor) and not isinstance(value, Resident) else value
