"""Layers: further styles of a clip, each painted over those below where its mask is white."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

from vidstyle.frames import Frame, Pixels
from vidstyle.options import ReadOptions
from vidstyle.pipeline.clip_stream import Merge
from vidstyle.pipeline.mask import Mask
from vidstyle.styles.mixtures import Styles
from vidstyle.styles.pictures import load
from vidstyle.temporal.base import SteadyFrame
from vidstyle.temporal.compositing import MaskWeights, mask_weights, overlaid

S = TypeVar("S")


class Layers(Generic[S]):
    """The layers of a run, loaded; raises ``InputError`` for a style or a mask that cannot be read."""

    def __init__(self, layers: Sequence[tuple[str, Path]], encode: Callable[[str], Styles[S]]) -> None:
        """``layers`` are styles and masks, the lowest first; ``encode`` loads a style."""
        self.names = tuple(style for style, _ in layers)
        self.styles = tuple(encode(style) for style in self.names)
        self._masks = tuple(Mask(mask) for _, mask in layers)

    def pictures(self) -> Iterator[Pixels]:
        """The pictures of the styles."""
        return map(load, self.names)

    def merge(self, read: ReadOptions, stack: ExitStack) -> Merge:
        """What merges the frames of one clip; the masks are read with ``read``, until ``stack`` is closed."""
        weights = self._weights(read, stack)

        def merged(frames: tuple[SteadyFrame, ...]) -> SteadyFrame:
            below, *above = frames
            plan, paint, settle = (
                sum(each) for each in zip(*(frame.seconds for frame in frames), strict=True)
            )
            pixels = _over(below.content, below.pixels, [frame.pixels for frame in above], weights)
            repainted = sum(frame.repainted for frame in frames) / len(frames)
            return replace(below, pixels=pixels, repainted=repainted, seconds=(plan, paint, settle))

        return merged

    def over(self, frame: Frame, painting: Pixels, paint: Callable[[Styles[S]], Pixels]) -> Pixels:
        """The ``painting`` of a single ``frame`` under the layers, which ``paint`` paints."""
        with ExitStack() as stack:
            weights = self._weights(ReadOptions(), stack)
            return _over(frame, painting, [paint(style) for style in self.styles], weights)

    def _weights(self, read: ReadOptions, stack: ExitStack) -> list[Callable[[Frame], MaskWeights]]:
        return [mask_weights(mask.frames(read, stack)) for mask in self._masks]


def _over(
    frame: Frame,
    painting: Pixels,
    layers: Sequence[Pixels],
    weights: Sequence[Callable[[Frame], MaskWeights]],
) -> Pixels:
    for layer, weights_at in zip(layers, weights, strict=True):
        painting = overlaid(painting, layer, weights_at(frame))
    return painting
