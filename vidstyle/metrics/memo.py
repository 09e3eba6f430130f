"""Values that several metrics compute from the same frame, computed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar, cast

from torch import Tensor

T = TypeVar("T")

_KEPT = 6  # values: enough for one result; the clip's stay, as every result uses them


class Memo:
    """The most recently used values, by function and tensor arguments."""

    def __init__(self) -> None:
        # the tensors are kept as well, so that no other can get the same id
        self._values: OrderedDict[tuple[object, ...], tuple[tuple[Tensor, ...], object]] = OrderedDict()

    def get(self, function: Callable[..., T], *tensors: Tensor) -> T:
        """``function(*tensors)``, computed once; tensors are compared by identity."""
        key = (function, *map(id, tensors))
        if key in self._values:
            self._values.move_to_end(key)
        else:
            self._values[key] = (tensors, function(*tensors))
            if len(self._values) > _KEPT:
                self._values.popitem(last=False)
        return cast("T", self._values[key][1])
