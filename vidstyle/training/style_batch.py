"""Style pictures for a student, whose descriptors are computed only if it reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from torch import Tensor


class StyleBatch:
    """B style pictures in two forms; a student uses the one that its embeddings are made from."""

    def __init__(
        self,
        pictures: tuple[Tensor, ...],
        describe: Callable[[], Tensor],
        recall: Callable[[int, Callable[[], Tensor]], Tensor] | None = None,
    ) -> None:
        self.pictures = pictures
        """B pictures (1, 3, h, w) in [0, 1], each of its own size, sides of 16 px or more."""
        self._describe = describe
        self._recall = recall

    @cached_property
    def descriptors(self) -> Tensor:
        """(B, 2816), as the engine ``stylenet`` describes pictures; computed when first read."""
        return self._describe()

    def remembered(self, number: int, compute: Callable[[], Tensor]) -> Tensor:
        """What ``compute`` returns for picture ``number``, computed once for a picture that recurs."""
        return compute() if self._recall is None else self._recall(number, compute)
