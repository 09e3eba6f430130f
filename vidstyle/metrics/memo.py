"""What metrics compute of the frame at hand, kept for the next metric that asks for the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar, cast

from torch import Tensor

T = TypeVar("T")

_KEPT = 6  # values: all of one result; those of the clip stay, as every result asks for them again


class Memo:
    """The last few values, by the function that made them and the tensors that it was given."""

    def __init__(self) -> None:
        # the tensors are kept as well: while they live no other has their identity
        self._values: OrderedDict[tuple[object, ...], tuple[tuple[Tensor, ...], object]] = OrderedDict()

    def get(self, function: Callable[..., T], *tensors: Tensor) -> T:
        """``function(*tensors)``, computed unless it was just before; tensors are told apart by identity."""
        key = (function, *map(id, tensors))
        if key in self._values:
            self._values.move_to_end(key)
        else:
            self._values[key] = (tensors, function(*tensors))
            if len(self._values) > _KEPT:
                self._values.popitem(last=False)
        return cast("T", self._values[key][1])
