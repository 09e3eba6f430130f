"""Compositing after the temporal method: detail, strength, the clip's colours and masks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import cast

import cv2
import numpy as np
import torch
from cv2.typing import MatLike
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.errors import InputError
from vidstyle.frames import Frame, Pixels
from vidstyle.temporal.base import SteadyFrame, StylizedFrame
from vidstyle.temporal.detail import restored
from vidstyle.tensors import Samples

MaskWeights = NDArray[np.float32]
"""(H, W) in [0, 1]: 1 shows the painting, 0 the clip."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709
_SOME = 16  # px from one pixel to the next of those that tell most frames apart
_ROWS = 64  # rows coloured at a time: float32 copies of a whole 4K frame would not stay in any cache


Compositor = Callable[[Frame, Pixels], Pixels]
"""(the clip's frame, its painting (H, W, 3)) -> the result (H, W, 3)."""


def composited_frames(
    frames: Iterable[SteadyFrame], composite: Compositor | None
) -> Generator[StylizedFrame, None, None]:
    """``frames`` after ``composite``, which ``compositor`` makes; None leaves the paintings as they are."""
    for steady in frames:
        begun = perf_counter()
        pixels = steady.pixels if composite is None else composite(steady.content, steady.pixels)
        plan, paint, settle = steady.seconds
        seconds = plan, paint, settle + perf_counter() - begun
        yield StylizedFrame(replace(steady.content, pixels=pixels), steady.is_cut, steady.repainted, seconds)


def compositor(
    *,
    strength: float = 1.0,
    preserve_color: bool = False,
    mask: Frame | Iterable[Frame] | None = None,
    detail: float = 0.0,
) -> Compositor | None:
    """A compositor for the frames of one clip, in order; None if the result is the painting itself.

    Args:
        strength: weight of the painting, from 0; more than 1 counts as 1 here (the engine paints stronger).
        preserve_color: take the chroma from the clip and only the luminance from the painting.
        mask: white is the painting and black the clip; a picture, or the frames of a mask clip, each valid
            from its time on. Resized to the frame.
        detail: share (0 to 1) of the lost detail that is restored; see ``detail.restored``.

    Raises:
        InputError: ``mask`` has no frames.
    """
    if strength >= 1.0 and not preserve_color and mask is None and detail <= 0.0:
        return None
    weights_at = None if mask is None else mask_weights(mask)

    def made(frame: Frame, painting: Pixels, weights: MaskWeights | None) -> Pixels:
        return composite_frame(
            frame.pixels, painting, strength, weights, preserve_color=preserve_color, detail=detail
        )

    still = _Still()

    def composite(frame: Frame, painting: Pixels) -> Pixels:
        weights = None if weights_at is None else weights_at(frame)
        return still(frame.pixels, painting, weights, lambda: made(frame, painting, weights))

    return composite


class _Still:
    """Remembers the result of a still frame, which takes most of its time here."""

    def __init__(self) -> None:
        self._few: tuple[Pixels, Pixels] | None = None  # some pixels of the last clip and painting
        self._last: tuple[Pixels, Pixels, MaskWeights | None, Pixels] | None = None

    def __call__(
        self, clip: Pixels, painting: Pixels, weights: MaskWeights | None, make: Callable[[], Pixels]
    ) -> Pixels:
        """What ``make`` gives for ``clip``, ``painting`` and ``weights``, which the caller may change."""
        every = slice(None, None, _SOME)
        few = clip[every, every].copy(), painting[every, every].copy()
        is_still = self._few is not None and all(map(_is_same, few, self._few))
        self._few = few
        if is_still and self._last is not None:
            same_clip, same_painting, same_weights, result = self._last
            pairs = ((clip, same_clip), (painting, same_painting))
            if weights is same_weights and all(_is_same(*pair) for pair in pairs):
                return result.copy()
        result = make()
        self._last = (clip.copy(), painting.copy(), weights, result.copy()) if is_still else None
        return result


def _is_same(left: Pixels, right: Pixels) -> bool:
    return left.dtype == right.dtype and np.array_equal(left, right)


def mask_weights(mask: Frame | Iterable[Frame]) -> Callable[[Frame], MaskWeights]:
    """What gives the weights (H, W) of a mask for the frames of one clip, in order; as in ``compositor``."""
    return _Masks(iter((mask,)) if isinstance(mask, Frame) else iter(mask)).at


def overlaid(below: Pixels, above: Pixels, weights: MaskWeights) -> Pixels:
    """``above`` over ``below`` (H, W, 3; one depth) with ``weights``; exactly ``below`` where they are 0."""
    return _masked(below, above, weights)


def composite_frame(
    clip: Pixels,
    painting: Pixels,
    strength: float = 1.0,
    weights: MaskWeights | None = None,
    *,
    preserve_color: bool = False,
    detail: float = 0.0,
) -> Pixels:
    """``clip`` and ``painting`` (H, W, 3; one depth) mixed; exactly the clip where the weight is 0."""
    if strength <= 0.0:
        return clip
    painting = restored(clip, painting, detail)
    colored = recolored(clip, painting) if preserve_color else painting
    if weights is None:
        return colored if strength >= 1.0 else mixed(clip, colored, strength)
    return _masked(clip, colored, weights if strength >= 1.0 else weights * np.float32(strength))


def recolored(clip: Pixels, painting: Pixels) -> Pixels:
    """The chroma of ``clip`` with the luminance of ``painting`` (Gatys et al. 2016, "Preserving Color", 3.2).

    Colours outside of the gamut are desaturated, at constant luminance, until they are inside.
    """
    full = float(np.iinfo(painting.dtype).max)
    result = np.empty_like(painting)
    for top in range(0, len(clip), _ROWS):
        part = slice(top, top + _ROWS)
        color = clip[part].astype(np.float32)
        luma = (painting[part].astype(np.float32) @ _LUMA)[..., None]
        chroma = color - (color @ _LUMA)[..., None]
        # the largest share of the chroma, up to all of it, that stays between 0 and full
        above, below = chroma.max(-1, keepdims=True), -chroma.min(-1, keepdims=True)
        room = np.minimum((full - luma) / np.maximum(above, 1e-3), luma / np.maximum(below, 1e-3))
        result[part] = np.rint(luma + chroma * room.clip(0.0, 1.0)).clip(0.0, full)
    return result


def as_weights(mask: Frame, height: int, width: int) -> MaskWeights:
    """Weights (height, width) of a mask's picture: its luminance times its alpha, resized."""
    full = float(np.iinfo(mask.pixels.dtype).max)
    light = np.empty((mask.height, mask.width), np.float32)
    for top in range(0, mask.height, _ROWS):
        part = slice(top, top + _ROWS)
        light[part] = (mask.pixels[part].astype(np.float32) @ _LUMA) / full
        if mask.alpha is not None:
            light[part] *= mask.alpha[part].astype(np.float32) / full
    sized: MatLike = light
    if light.shape != (height, width):
        way = cv2.INTER_AREA if height * width < light.size else cv2.INTER_LINEAR
        sized = cv2.resize(light, (width, height), interpolation=way)
    weights: MaskWeights = sized.clip(0.0, 1.0)
    weights[weights > 1.0 - 1e-5] = 1.0  # luma weights round to just below 1
    return weights


def mixed(clip: Pixels, painting: Pixels, share: float) -> Pixels:
    """``painting`` over ``clip`` (H, W, 3; one depth) with the weight ``share`` (0 to 1)."""
    return cast(Pixels, cv2.addWeighted(clip, 1.0 - share, painting, share, 0.0))


def mixed_samples(clip: Samples, painting: Samples, share: float) -> Samples:
    """As ``mixed``, where both are."""
    if isinstance(clip, Tensor) and isinstance(painting, Tensor):
        blended = clip.to(torch.float32) * (1.0 - share) + painting.to(torch.float32) * share
        return blended.round().to(painting.dtype)
    assert not isinstance(clip, Tensor) and not isinstance(painting, Tensor)  # both are in one place
    return mixed(clip, painting, share)


def _masked(clip: Pixels, painting: Pixels, weights: MaskWeights) -> Pixels:
    if clip.dtype == np.uint8:
        return cast(Pixels, cv2.blendLinear(clip, painting, np.float32(1.0) - weights, weights))
    difference = painting.astype(np.float32) - clip
    return cast(Pixels, np.rint(clip + difference * weights[..., None]).astype(clip.dtype))


class _Masks:
    """A mask clip's frames by time; the last one stays valid."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        first = next(frames, None)
        if first is None:
            raise InputError("the mask has no frames; give a picture or a clip")
        self._now: Frame = first
        self._next = next(frames, None)
        self._weights: MaskWeights | None = None

    def at(self, frame: Frame) -> MaskWeights:
        """Weights (H, W) for ``frame``, whose time must not decrease from call to call."""
        while self._next is not None and self._next.time <= frame.time:
            self._now, self._weights = self._next, None
            self._next = next(self._frames, None)
        if self._weights is None or self._weights.shape != (frame.height, frame.width):
            self._weights = as_weights(self._now, frame.height, frame.width)
        return self._weights
