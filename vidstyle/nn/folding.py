"""Linear maps of features, folded into the convolution that follows."""

from __future__ import annotations

import torch
from torch import Tensor

Convolution = tuple[Tensor, Tensor]
"""A 3x3 kernel (O, I, 3, 3) and its bias (O,)."""


def folded(
    convolution: Convolution, matrix: Tensor, offset: Tensor, mean: Tensor, precision: torch.dtype
) -> Convolution:
    """``convolution`` of features f that become matrix·f + offset first, in ``precision``.

    Args:
        matrix, offset: (I, I) and (I,) float64.
        mean: (I,) float64, of the features. For these the result is exact, however the kernel is rounded.
    """
    kernel, bias = (part.double() for part in convolution)
    rounded = torch.einsum("oiyx,ij->ojyx", kernel, matrix).to(precision)
    middle = torch.einsum("oiyx,i->o", kernel, matrix @ mean + offset)
    shift = bias + middle - torch.einsum("oiyx,i->o", rounded.double(), mean)
    return rounded.contiguous(memory_format=torch.channels_last), shift.to(precision)
