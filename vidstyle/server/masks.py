"""Masks that are brushed on frames of the session's clips, and carried through the shots in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.uint8]
"""(H, W): how strongly each pixel is painted; 170 is strength 1, 255 is 1.5."""

LAYERS = 8
"""Layers that a clip may have, each with its masks."""


class Masks:
    """The masks of all clips; several threads may use it."""

    def __init__(self, folder: Path, stopping: threading.Event) -> None:
        self._folder, self._stopping = folder, stopping
        self._lock = threading.Lock()
        self._brushed: dict[tuple[str, int], dict[Fraction, Values]] = {}
        self.on_change: Callable[[], None] = lambda: None
        """Called in any thread when a mask was brushed or carried to other frames."""

    def put(
        self, clip: str, path: Path, layer: int, time: Fraction, values: Values, *, is_over: bool
    ) -> None:
        """Take the mask brushed on the frame at ``time`` (s); when the stroke ``is_over`` it is carried."""
        with self._lock:
            self._brushed.setdefault((clip, layer), {})[time] = values

    def at(self, clip: str, layer: int, time: Fraction) -> Values | None:
        """The mask of the frame at ``time`` (s), brushed or carried; None if there is none yet."""
        with self._lock:
            return self._brushed.get((clip, layer), {}).get(time)

    def marks(self, clip: str) -> list[dict[str, object]]:
        """The times (s) at which masks were brushed, with the layer of each."""
        with self._lock:
            return [
                {"layer": layer, "time": float(time)}
                for (name, layer), masks in self._brushed.items()
                if name == clip
                for time in sorted(masks)
            ]

    def written(self, clip: str, path: Path, layer: int) -> Path:
        """The masks of a layer as a lossless clip; raises a ``VidstyleError`` if nothing was brushed."""
        raise NotImplementedError
