"""CLIP consistency: how similar the CLIP embeddings of neighbouring frames of a result are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.errors import WeightsMissing
from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.network_files import CLIP_MODEL
from vidstyle.optional_imports import require

Embed = Callable[[Tensor], Tensor]
"""A picture (1, 3, H, W) in [0, 1] to a vector (1, D)."""

_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # CLIP's own
_SIDE = 224  # px


class CLIPConsistency(MeanOverFrames):
    """Mean cosine of the CLIP embeddings (ViT-B/32) of neighbouring frames, those across a cut left out.

    Common in papers on generated video. It is insensitive to flicker: most clips are near 1, and only values
    below 0.98 are informative. Higher is better.
    """

    meaning = Meaning("cosine", "high: 0.98 and more says little")
    is_on_request = True
    intervals = (1,)
    needs: frozenset[str] = frozenset()
    library = "transformers"

    def __init__(self, setup: Setup | None = None, embed: Embed | None = None) -> None:
        super().__init__()
        self._embed = embed or clip()
        self._last: tuple[Tensor, Tensor] | None = None

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        vector = self._embed(now.result)
        before = past.get(1)
        if before is None:
            self._mean.skip()
        else:
            known = self._last is not None and self._last[0] is before.result
            other = self._last[1] if known and self._last is not None else self._embed(before.result)
            self._mean.add(float(F.cosine_similarity(other, vector).mean()))
        self._last = (now.result, vector)


def clip() -> Embed:
    """CLIP's picture encoder from the disk; ``WeightsMissing`` if it is not there: nothing is downloaded."""
    library = require("transformers", "clip_consistency")
    try:
        network = library.CLIPVisionModelWithProjection.from_pretrained(CLIP_MODEL, local_files_only=True)
    except (OSError, ValueError) as error:
        raise WeightsMissing(
            f"clip_consistency needs {CLIP_MODEL}, which is not on this machine; "
            f"to get it: hf download {CLIP_MODEL}"
        ) from error
    network = network.eval().requires_grad_(False)

    def embed(picture: Tensor) -> Tensor:
        network.to(picture.device)
        with torch.inference_mode():
            vectors: Tensor = network(pixel_values=prepared(picture)).image_embeds
        return vectors

    return embed


def prepared(picture: Tensor) -> Tensor:
    """``picture`` (1, 3, H, W) in [0, 1] as CLIP's input: short side 224 px, centre crop, normalised."""
    height, width = picture.shape[-2:]
    factor = _SIDE / min(height, width)
    size = (max(_SIDE, round(height * factor)), max(_SIDE, round(width * factor)))
    large = F.interpolate(picture.contiguous(), size=size, mode="bicubic", antialias=True).clamp(0, 1)
    top, left = (size[0] - _SIDE) // 2, (size[1] - _SIDE) // 2
    middle = large[..., top : top + _SIDE, left : left + _SIDE]
    mean, deviation = (middle.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _DEVIATION))
    return (middle - mean) / deviation
