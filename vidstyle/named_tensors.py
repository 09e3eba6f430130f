"""Tensors by name, as which the state between two frames is kept: groups under prefixes, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]
"""By name; ``/`` stands between a group and what is in it."""


def grouped(group: str, tensors: Tensors | None) -> dict[str, Tensor]:
    """``tensors`` under the name of a ``group``; none if there are none."""
    return {f"{group}/{name}": tensor for name, tensor in (tensors or {}).items()}


def in_group(group: str, tensors: Tensors) -> dict[str, Tensor]:
    """The tensors that are under the name of a ``group``, by their own names; empty if there are none."""
    start = f"{group}/"
    return {name.removeprefix(start): part for name, part in tensors.items() if name.startswith(start)}


def copied(tensor: Tensor) -> Tensor:
    """A copy of ``tensor`` on the CPU that shares no memory with it."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def as_integers(values: Sequence[int]) -> Tensor:
    """``values`` as (N,) int64."""
    return torch.tensor(list(values), dtype=torch.int64)


def integers(tensor: Tensor) -> tuple[int, ...]:
    """The values of ``as_integers``."""
    return tuple(int(value) for value in tensor.tolist())


def as_fraction(value: Fraction) -> Tensor:
    """``value`` as (2,) int64: numerator and denominator."""
    return as_integers((value.numerator, value.denominator))


def fraction(tensor: Tensor) -> Fraction:
    """The value of ``as_fraction``."""
    return Fraction(*integers(tensor))
