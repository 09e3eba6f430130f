"""Paints one clip: its style at each time, the statistics of its shots, and only the parts needed."""

from __future__ import annotations

from typing import Generic, TypeVar, cast

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.device import finish
from vidstyle.engines.base import Statistics
from vidstyle.errors import OptionError
from vidstyle.frames import Frame, Pixels
from vidstyle.named_tensors import Tensors, as_integers, copied, grouped, in_group, integers
from vidstyle.rendering.adaptive_size import AdaptiveSize
from vidstyle.rendering.painting_statistics import FrameStatistics
from vidstyle.rendering.renderer import Renderer
from vidstyle.styles.mixtures import Styles, pushed
from vidstyle.temporal.base import ClipFrame, Mask, PaintedFrame, RepaintMask
from vidstyle.tensors import Samples

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)
A = TypeVar("A", bound=Samples | Mask)

_FULL_EVERY = 8  # frames from one full painting to the next; old paint takes its colours from it
_FULL_SHARE = 0.25  # of a frame: if more must be repainted, it is painted in full
_BRIGHTER, _STRONGER = 0.2, 1.2  # change of mean (of a deviation) and of deviation after which it is, too
_SAMPLED = 64  # px, of the long side, that are looked at for that
_SMOOTH = 0.9  # share of a shot's statistics that is kept from one frame to the next


class ClipPainter(Generic[S, T]):
    """Paints the frames of one clip, in order. It keeps the state of the clip: make a new one for each.

    Args:
        painter: paints a frame.
        styles: the style at each time.
        strength: applied by the engine if it has a ``feature_strength``; else, above 1, the style is moved
            away from the shot's own.
        size: chooses the size at which frames are painted; None: always the largest.
        follows: whether ``size`` is that of another painter, of the same frames in another style, which asks
            it first.
        state: the ``tensors()`` of a painter with the same arguments after the frame before; None: the first
            frame begins the clip. Raises ``KeyError`` if something is missing in it.
    """

    def __init__(
        self,
        painter: Renderer[S, T],
        styles: Styles[S],
        strength: float,
        *,
        size: AdaptiveSize | None = None,
        follows: bool = False,
        state: Tensors | None = None,
    ) -> None:
        self._largest = self._painter = painter
        self._size, self._follows, self._share = size, follows, 1.0  # of the largest size
        self._styles = styles
        self._strength = strength
        self._own: S | None = None  # the encoded first frame of the shot, for strengths above 1
        self._weighed: tuple[S, S] | None = None  # the latest style, before and after ``at_strength``
        self._statistics: FrameStatistics[T] | None = None  # of the shot so far, smoothed
        self._since = 0  # frames since the last full painting
        self._tones = (0.0, 0.0)  # mean and deviation of the frame that was last painted in full
        if state is not None:
            self._restore(state)

    def tensors(self) -> dict[str, Tensor]:
        """All that is remembered of the clip so far, by name: copies on the CPU.

        Raises ``OptionError`` for an engine whose statistics or styles cannot be kept.
        """
        kept = {"since": as_integers([self._since]), "tones": torch.tensor(self._tones, dtype=torch.float64)}
        if self._statistics is not None:
            statistics = self._statistics.tensors()
            self._painter.statistics_from_tensors(statistics)  # raises
            kept |= grouped("statistics", statistics)
        if self._own is not None:
            own = self._painter.style_tensors(self._own)
            if own is None:
                raise OptionError("the state of this stream cannot be kept: styles of its engine cannot")
            kept |= grouped("own", own)
        return {name: copied(part) for name, part in kept.items()}

    def _restore(self, tensors: Tensors) -> None:
        (self._since,) = integers(tensors["since"])
        mean, deviation = tensors["tones"].tolist()
        self._tones = mean, deviation
        statistics, own = in_group("statistics", tensors), in_group("own", tensors)
        self._statistics = self._painter.statistics_from_tensors(statistics) if statistics else None
        self._own = self._painter.style_from_tensors(own) if own else None

    def __call__(self, known: ClipFrame, is_cut: bool, repaint_mask: RepaintMask | None) -> PaintedFrame:
        """Fresh paint of a frame, all of it where ``repaint_mask`` is None; where the frame's content is."""
        painted = self._paint(known, is_cut, repaint_mask)
        if self._size is not None:
            finish(self._painter.device)  # the size follows the time that painting takes
        return painted

    def _paint(self, known: ClipFrame, is_cut: bool, repaint_mask: RepaintMask | None) -> PaintedFrame:
        frame, content = known.frame, known.content
        if repaint_mask is not None and repaint_mask.share == 0 and not is_cut:
            self._since += 1
            return PaintedFrame(content, np.zeros(frame.pixels.shape[:2], np.bool_))
        if self._size is not None and not self._follows:
            self._size.decide(is_cut=is_cut)
        if self._size is not None and self._size.share != self._share:
            self._share = self._size.share
            self._painter = self._largest.coarser(self._share)
            self._statistics = None  # those of other strokes
        style = self._style(frame, is_cut)
        margin = _margin(frame)
        inner = (slice(margin, margin + frame.height), slice(margin, margin + frame.width))
        framed = _framed(content, margin)
        tones = _tones(frame.pixels)
        has_changed = _has_changed(self._tones, tones)
        if repaint_mask is None or is_cut or self._statistics is None:
            self._statistics = None
        elif not has_changed and self._since < _FULL_EVERY - 1 and repaint_mask.share < _FULL_SHARE:
            self._since += 1
            cells = round(margin * repaint_mask.mask.shape[0] / frame.height)
            part = self._painter.paint_where(
                framed, style, self._statistics, np.pad(repaint_mask.mask, cells)
            )
            valid = None if part.valid is None else _inside(part.valid, inner)
            return PaintedFrame(_inside(part.pixels, inner), valid)
        painted = self._painter.paint(framed, style)
        if self._statistics is None or painted.statistics is None or has_changed:
            self._statistics = painted.statistics
        else:
            share = max(
                1 - _SMOOTH ** (self._since + 1), repaint_mask.share if repaint_mask is not None else 1.0
            )
            self._statistics = self._statistics.towards(painted.statistics, share)
        self._since, self._tones = 0, tones
        return PaintedFrame(_inside(painted.pixels, inner))

    def keyframe(self, frame: Frame, initial: Pixels | None) -> Pixels:
        """``frame`` painted by a keyframe engine; ``initial`` is what was carried to it, or None."""
        margin = _margin(frame)
        inner = (slice(margin, margin + frame.height), slice(margin, margin + frame.width))
        begun = None if initial is None else cast(Pixels, _framed(initial, margin))
        style = self._style(frame, is_cut=True)
        framed = cast(Pixels, _framed(frame.pixels, margin))
        return _inside(self._painter.paint_keyframe(framed, style, begun), inner)

    def _style(self, frame: Frame, is_cut: bool) -> S:
        """The style of ``frame``, at the chosen strength."""
        style, engine, strength = self._styles.at(frame.time), self._painter.engine, self._strength
        if engine.info.feature_strength is not None:
            if self._weighed is None or self._weighed[0] is not style:
                weighed = engine.at_strength(style, max(strength, engine.info.feature_strength))
                self._weighed = style, weighed
            return self._weighed[1]
        if strength > 1:
            if is_cut or self._own is None:
                self._own = self._painter.encode(frame.pixels)
            style = pushed(engine, style, self._own, strength)
        return style


def _tones(pixels: Pixels) -> tuple[float, float]:
    """Mean and deviation of ``pixels`` (H, W, 3), as shares of the full range; of some of them."""
    step = max(1, max(pixels.shape[:2]) // _SAMPLED)
    some = pixels[::step, ::step] / np.float32(np.iinfo(pixels.dtype).max)
    return float(some.mean()), float(some.std())


def _has_changed(before: tuple[float, float], now: tuple[float, float]) -> bool:
    """Whether the statistics of a frame of the tones ``before`` cannot be those of one of ``now``."""
    low, high = sorted((before[1], now[1]))
    return abs(now[0] - before[0]) > _BRIGHTER * low + 1e-3 or high > _STRONGER * low + 1e-3


def _framed(pixels: Samples, margin: int) -> Samples:
    """``pixels`` with ``margin`` px of their reflection around."""
    if isinstance(pixels, Tensor):  # of integers, for which CUDA has no padding
        for axis in (0, 1):
            size = pixels.shape[axis]
            place = torch.arange(-margin, size + margin, device=pixels.device).abs()
            pixels = pixels.index_select(axis, size - 1 - (size - 1 - place).abs())
        return pixels
    return cast(Pixels, cv2.copyMakeBorder(pixels, *(margin,) * 4, cv2.BORDER_REFLECT_101))


def _inside(framed: A, inner: tuple[slice, slice]) -> A:
    part = framed[inner]
    return cast(A, part if isinstance(part, Tensor) else np.ascontiguousarray(part))


def _margin(frame: Frame) -> int:
    """Px of reflection that are painted around a frame and cut off.

    Near the border an engine has too little context and paints blocks, which would appear one by one in a
    slow pan.
    """
    short = min(frame.width, frame.height)
    margin = 16 * max(1, round(short / 480))
    return margin if short > 2 * margin else 0
