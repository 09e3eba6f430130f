"""Masks that are brushed on frames of the session's clips, and carried through the shots in a thread."""

from __future__ import annotations

import logging
import shutil
import threading
import zlib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.errors import VidstyleError
from vidstyle.frames import VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.pipeline.brushed_masks import carried_masks, propagate_mask
from vidstyle.pipeline.prefetch import check_wanted, interruptible, side_thread
from vidstyle.pipeline.report import Progress
from vidstyle.server.stills import SHOWN_WIDTH, exact_time, reduced, shown_size
from vidstyle.video.reading.reader import open_reader

log = logging.getLogger(__name__)

Values = NDArray[np.uint8]
"""(H, W): 255 is painted, 0 keeps the clip."""

LAYERS = 8
"""Layers that a clip may have, each with its masks."""
_NEAR, _FAR = Fraction(2), Fraction(10)  # s around a frame that was brushed, to which it is carried at once
_FARTHEST = Fraction(30)  # s: a frame so far from a brushed one is not looked at before the run
_SHORT_SIDE = 180  # px at which frames are carried for the page; a run carries them at their own size
_TOLD = 12  # frames that are carried between two messages to the page


@dataclass(frozen=True, slots=True, eq=False)
class Brushed:
    """The masks that were brushed on frames of a clip, for one layer."""

    path: Path
    elsewhere: float
    """The mask of shots in which nothing was brushed: the lowest layer is everywhere, the others nowhere."""
    masks: Mapping[Fraction, Values]
    """By the time (s) that the page asks for the frame by."""
    exact_time: Callable[[Fraction], Fraction]
    """Gives the time at which that frame begins: s, from the start of the clip."""
    kept: Path
    """Where the mask clip is kept, once it is made."""

    def write(self, target: Path, on_frame: Callable[[Progress], bool]) -> Path:
        """Write the masks of all frames to ``target``, a lossless clip; raises a ``VidstyleError``."""
        if not self.kept.exists():
            masks = {self.exact_time(time): values for time, values in self.masks.items()}
            report = propagate_mask(
                self.path, masks, target, on_frame=on_frame, elsewhere=self.elsewhere, overwrite=True
            )
            if report.stopped:
                return target
            shutil.copyfile(target, self.kept.with_suffix(".part"))
            self.kept.with_suffix(".part").replace(self.kept)
        elif target != self.kept:
            shutil.copyfile(self.kept, target)
        return target


@dataclass(eq=False)
class _Layer:
    """The masks of one layer of a clip."""

    path: Path
    info: VideoInfo
    elsewhere: float
    brushed: dict[Fraction, Values] = field(default_factory=dict)
    """By the time that the page asks for the frame by."""
    carried: dict[Fraction, bytes] = field(default_factory=dict)
    """Packed by zlib, by the frame's exact time."""
    times: list[Fraction] = field(default_factory=list)
    """The keys of ``carried`` in order."""
    due: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    """Parts of the clip (s) to which masks are to be carried, the next one first."""
    version: int = 0
    number: int = field(default_factory=count(1).__next__)
    """Of all layers there have been, so that no other one is called so."""


class Masks:
    """The masks of all clips, in a ``folder``; several threads may use it, until ``stopping`` is set."""

    def __init__(self, folder: Path, stopping: threading.Event) -> None:
        self._folder, self._stopping = folder, stopping
        self._thread = side_thread("masks")
        self._lock = threading.RLock()
        self._layers: dict[tuple[str, int], _Layer] = {}
        self._exact: dict[tuple[Path, Fraction], Fraction] = {}
        self._numbers = count(1)
        self.on_change: Callable[[], None] = lambda: None
        """Called in any thread when masks were brushed, or carried to other frames."""

    def put(
        self, clip: str, info: VideoInfo, layer: int, time: Fraction, values: Values, *, is_over: bool
    ) -> None:
        """Take the mask brushed on the frame at ``time`` (s); when the stroke ``is_over`` it is carried."""
        with self._lock:
            entry = self._layers.setdefault(
                (clip, layer), _Layer(info.path, info, 1.0 if layer == 0 else 0.0)
            )
            entry.brushed[time] = values
            entry.version += 1
            if not is_over:
                return
            for known in [each for each in entry.times if abs(each - time) > _FAR]:
                del entry.carried[known]
            entry.times = sorted(entry.carried)
            entry.due = _parts_around(time, info.duration)
        self._thread.submit(self._carry, entry)
        self.on_change()

    def at(self, clip: str, layer: int, time: Fraction) -> Values | None:
        """The mask of the frame at ``time`` (s), brushed or carried; None if there is none yet."""
        with self._lock:
            entry = self._layers.get((clip, layer))
            if entry is None:
                return None
            if time in entry.brushed:
                return entry.brushed[time]
            place = bisect_left(entry.times, time)
            step = 1 / entry.info.rate if entry.info.rate else Fraction(1, 25)
            if place < len(entry.times) and entry.times[place] - time < step:
                width, height = shown_size(entry.info, SHOWN_WIDTH)
                data = zlib.decompress(entry.carried[entry.times[place]])
                return np.frombuffer(data, np.uint8).reshape(height, width)
            nearest = min(entry.brushed, key=lambda each: abs(each - time))
            if abs(nearest - time) > _FARTHEST or entry.due:
                return None
            entry.due = [(min(nearest, time) - 1, max(nearest, time) + _NEAR)]
        self._thread.submit(self._carry, entry)
        return None

    def brushed(self, clip: str, layer: int) -> Brushed | None:
        """What is brushed now; None if nothing is."""
        with self._lock:
            entry = self._layers.get((clip, layer))
            if entry is None:
                return None
            masks = dict(entry.brushed)
            kept = self._folder / f"mask-{clip}-{layer}-{entry.version}-{entry.number}.mkv"
        return Brushed(entry.path, entry.elsewhere, masks, partial(self._exact_time, entry), kept)

    def brushed_frames(self, clip: str) -> list[tuple[int, Fraction, Values]]:
        """All masks that were brushed: the layer, the time (s) that the page asks by, and the mask."""
        with self._lock:
            return [
                (layer, time, values)
                for (name, layer), entry in self._layers.items()
                if name == clip
                for time, values in entry.brushed.items()
            ]

    def replace(self, clip: str, info: VideoInfo, masks: Mapping[tuple[int, Fraction], Values]) -> None:
        """Take ``masks``, by layer and time (s), instead of those that were brushed."""
        with self._lock:
            for layer in range(LAYERS):
                self._layers.pop((clip, layer), None)
        for (layer, time), values in masks.items():
            self.put(clip, info, layer, time, values, is_over=True)
        self.on_change()

    def to_json(self) -> dict[str, object]:
        """For each clip the times (s) of brushed frames, with the layer, and a version that changes."""
        with self._lock:
            marks: dict[str, list[dict[str, float]]] = {}
            versions: dict[str, str] = {}
            for (name, layer), entry in self._layers.items():
                own = [{"layer": layer, "time": float(time)} for time in sorted(entry.brushed)]
                marks[name] = [*marks.get(name, []), *own]
                versions[name] = f"{versions.get(name, '')} {layer}:{entry.version}:{len(entry.carried)}"
            return {name: {"marks": marks[name], "version": versions[name]} for name in marks}

    def written(self, clip: str, layer: int) -> Path | None:
        """The masks of a layer as a lossless clip; None if nothing was brushed. Takes its time."""
        brushed = self.brushed(clip, layer)
        return None if brushed is None else brushed.write(brushed.kept, self._goes_on)

    def of_part(self, clip: str, layer: int, begin: Fraction, length: Fraction) -> Path | None:
        """The mask clip of a part (s); None if nothing was brushed. Takes its time."""
        brushed = self.brushed(clip, layer)
        if brushed is None:
            return None
        nearest = min(brushed.masks, key=lambda each: abs(each - begin))
        entry = self._layers[clip, layer]
        if abs(nearest - begin) <= _FARTHEST:
            self._carry_part(entry, min(nearest, begin) - 1, max(nearest, begin + length) + 1)
        with self._lock:
            inside = [time for time in entry.times if begin <= time < begin + length]
            known = {time: self.at(clip, layer, time) for time in inside}
        first = self._exact_time(entry, begin)
        masks = {time - first: values for time, values in known.items() if values is not None}
        if not masks:
            return None
        target = self._folder / f"part{next(self._numbers)}.mkv"
        end = begin + length
        propagate_mask(
            entry.path, masks, target, start=begin, end=end, elsewhere=entry.elsewhere, on_frame=self._goes_on
        )
        return target

    def remove_layer(self, clip: str, layer: int) -> None:
        """Forget the masks of a layer; those above it move down by one."""
        with self._lock:
            self._layers.pop((clip, layer), None)
            for upper in range(layer + 1, LAYERS):
                entry = self._layers.pop((clip, upper), None)
                if entry is not None:
                    self._layers[clip, upper - 1] = entry
        self.on_change()

    def close(self) -> None:
        """End the work that goes on."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _goes_on(self, progress: Progress) -> bool:
        check_wanted()
        return not self._stopping.is_set()

    def _carry(self, entry: _Layer) -> None:
        """Carry masks to the parts that are due; a newer stroke replaces them."""
        try:
            with interruptible(self._stopping):
                while True:
                    with self._lock:
                        if not entry.due or self._stopping.is_set():
                            return
                        part = entry.due.pop(0)
                    self._carry_part(entry, *part)
                    self.on_change()
        except (VidstyleError, OSError) as error:
            log.warning("masks cannot be carried: %s", error)

    def _carry_part(self, entry: _Layer, begin: Fraction, end: Fraction) -> None:
        """Carry the masks brushed between two times (s) to the other frames there."""
        begin = max(Fraction(0), begin)
        with self._lock:
            version, inside = (
                entry.version,
                {time: values for time, values in entry.brushed.items() if begin <= time < end},
            )
        if not inside:
            return
        first = self._exact_time(entry, begin)
        frames = []
        with open_reader(entry.path, ReadOptions(start=begin, end=end)) as reader:
            for frame in reader:
                check_wanted()
                frames.append(reduced(frame, _SHORT_SIDE))
        numbers = {frame.time: number for number, frame in enumerate(frames)}
        exact = {self._exact_time(entry, time) - first: values for time, values in inside.items()}
        masks = {numbers[time]: values for time, values in exact.items() if time in numbers}
        size = shown_size(entry.info, SHOWN_WIDTH)
        carried = carried_masks(frames, masks, elsewhere=entry.elsewhere)
        for number, (frame, mask) in enumerate(zip(frames, carried, strict=True)):
            check_wanted()
            values = np.rint(255 * cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR)).astype(np.uint8)
            time = first + frame.time
            with self._lock:
                if entry.version != version:
                    return
                # a shot without a brushed frame in this part may have one outside of it
                if time not in entry.carried or bool(np.any(mask != entry.elsewhere)):
                    entry.carried[time] = zlib.compress(values.tobytes(), 1)
                    entry.times = sorted(entry.carried)
            if number % _TOLD == _TOLD - 1:
                self.on_change()

    def _exact_time(self, entry: _Layer, time: Fraction) -> Fraction:
        """When the frame begins that the page shows for ``time``: seconds from the start of the clip."""
        key = entry.path, time
        if key not in self._exact:
            self._exact[key] = exact_time(entry.path, time) - entry.info.start
        return self._exact[key]


def _parts_around(time: Fraction, duration: Fraction | None) -> list[tuple[Fraction, Fraction]]:
    """Parts (s) to which a mask brushed at ``time`` is carried; of a short clip not the same one again."""
    # forward first: frames before the brushed one wait for it
    parts = [(time, time + _NEAR), (time - _NEAR, time + _NEAR), (time - _FAR, time + _FAR)]
    real = [(max(Fraction(0), begin), min(end, duration or end)) for begin, end in parts]
    return [part for number, part in enumerate(parts) if real[number] not in real[number + 1 :]]
