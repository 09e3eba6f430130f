"""Masks that are brushed on frames of the session's clips, and carried through the shots in a thread."""

from __future__ import annotations

import logging
import threading
import zlib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path
from time import sleep

import cv2
import numpy as np

from vidstyle.errors import VidstyleError
from vidstyle.frames import VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.pipeline.brushed_masks import carried_masks
from vidstyle.pipeline.prefetch import check_wanted, interruptible, side_thread
from vidstyle.pipeline.report import Progress
from vidstyle.server.layer_masks import FAR, NEAR, LayerMasks, is_within, parts_around
from vidstyle.server.mask_clips import Brushed, Values, write_part
from vidstyle.server.stills import SHOWN_WIDTH, exact_time, reduced, shown_size
from vidstyle.video.reading.reader import open_reader

log = logging.getLogger(__name__)

LAYERS = 8
"""Layers that a clip may have, each with its masks."""
_FARTHEST = Fraction(30)  # s: a frame so far from a brushed one is not looked at before the run
_SHORT_SIDE = 180  # px at which frames are carried for the page; a run carries them at their own size
_POLL = 0.05  # s between two looks at how far masks have been carried
_TOLD = 12  # frames that are carried between two messages to the page


class Masks:
    """The masks of all clips, in a ``folder``; several threads may use it, until ``stopping`` is set."""

    def __init__(self, folder: Path, stopping: threading.Event) -> None:
        self._folder, self._stopping = folder, stopping
        self._thread = side_thread("masks")
        self._lock = threading.RLock()
        self._layers: dict[tuple[str, int], LayerMasks] = {}
        self._exact: dict[tuple[Path, Fraction], Fraction] = {}
        self._numbers = count(1)
        self.on_change: Callable[[], None] = lambda: None
        """Called in any thread when masks were brushed, or carried to other frames."""

    def put(
        self,
        clip: str,
        info: VideoInfo,
        layer: int,
        time: Fraction,
        values: Values,
        *,
        is_over: bool,
        tab: str = "",
    ) -> None:
        """Take the mask brushed on the frame at ``time`` (s) in a ``tab`` of the page.

        When the stroke ``is_over`` it is carried.
        """
        with self._lock:
            entry = self._layers.setdefault(
                (clip, layer), LayerMasks(info.path, info, 1.0 if layer == 0 else 0.0)
            )
            entry.brushed[time], entry.tabs[time] = values, tab
            entry.version += 1
            entry.fresh = []
            if not is_over:
                return
            for known in [each for each in entry.times if abs(each - time) > FAR]:
                del entry.carried[known]
            entry.times = sorted(entry.carried)
            entry.due = parts_around(time, info.duration)
        self._thread.submit(self._carry, entry)
        self.on_change()

    def remove(self, clip: str, layer: int, time: Fraction) -> None:
        """Forget the mask brushed on the frame at ``time`` (s), if there is one."""
        with self._lock:
            entry = self._layers.get((clip, layer))
            if entry is None or entry.brushed.pop(time, None) is None:
                return
            entry.forget_carried()
            if entry.brushed:
                nearest = min(entry.brushed, key=lambda each: abs(each - time))
                entry.due = parts_around(nearest, entry.info.duration)
                self._thread.submit(self._carry, entry)
            else:
                self._forget(clip, layer)
        self.on_change()

    def is_brushed(self, clip: str, layer: int, time: Fraction) -> bool:
        """Whether the frame at ``time`` (s) was brushed."""
        with self._lock:
            entry = self._layers.get((clip, layer))
            return entry is not None and time in entry.brushed

    def at(self, clip: str, layer: int, time: Fraction) -> Values | None:
        """The mask of the frame at ``time`` (s), brushed or carried; None if there is none yet."""
        with self._lock:
            entry = self._layers.get((clip, layer))
            if entry is None:
                return None
            if time in entry.brushed:
                return entry.brushed[time]
            place = bisect_left(entry.times, time)
            if place < len(entry.times) and entry.times[place] - time < entry.step:
                width, height = shown_size(entry.info, SHOWN_WIDTH)
                data = zlib.decompress(entry.carried[entry.times[place]])
                return np.frombuffer(data, np.uint8).reshape(height, width)
            nearest = min(entry.brushed, key=lambda each: abs(each - time))
            if abs(nearest - time) > _FARTHEST or entry.due:
                return None
            entry.due = [(min(nearest, time) - 1, max(nearest, time) + NEAR)]
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
                self._forget(clip, layer)
        for (layer, time), values in masks.items():
            self.put(clip, info, layer, time, values, is_over=True)
        self.on_change()

    def to_json(self) -> dict[str, object]:
        """For each clip the times (s) of brushed frames, with layer and tab, and a version that changes."""
        with self._lock:
            marks: dict[str, list[dict[str, object]]] = {}
            versions: dict[str, str] = {}
            for (name, layer), entry in self._layers.items():
                own = marks.setdefault(name, [])
                for time in sorted(entry.brushed):
                    own.append({"layer": layer, "time": float(time), "tab": entry.tabs[time]})
                versions[name] = f"{versions.get(name, '')} {layer}:{entry.version}:{len(entry.carried)}"
            return {name: {"marks": marks[name], "version": versions[name]} for name in marks}

    def written(self, clip: str, layer: int) -> Path | None:
        """The masks of a layer as a lossless clip; None if nothing was brushed. Takes its time."""
        brushed = self.brushed(clip, layer)
        return None if brushed is None else brushed.write(brushed.kept, self._goes_on)

    def of_part(self, clip: str, layer: int, begin: Fraction, length: Fraction) -> Path | None:
        """The mask clip of a part (s); None if nothing was brushed near it.

        What was carried there before is written as it is; the rest takes its time.
        """
        brushed, entry, end = self.brushed(clip, layer), self._layers.get((clip, layer)), begin + length
        if brushed is None or entry is None:
            return None
        nearest = min(brushed.masks, key=lambda each: abs(each - begin))
        if abs(nearest - begin) <= _FARTHEST:
            self._make_fresh(entry, begin, end, nearest)
        first = self._exact_time(entry, begin)
        with self._lock:
            if not any(first <= time < end for time in entry.times):
                return None
        exact = {brushed.exact_time(time): values for time, values in brushed.masks.items()}
        elsewhere = np.full((1, 1), round(255 * entry.elsewhere), np.uint8)

        def mask_at(time: Fraction) -> Values:
            values = exact.get(first + time)
            if values is None:
                values = self.at(clip, layer, first + time)
            return elsewhere if values is None else values

        target = self._folder / f"part{next(self._numbers)}.mkv"
        write_part(entry.path, target, begin, end, mask_at, self._goes_on)
        return target

    def _make_fresh(self, entry: LayerMasks, begin: Fraction, end: Fraction, nearest: Fraction) -> None:
        """Carry what is brushed to a part (s), unless it is there; ``nearest`` is brushed, near its begin."""
        if entry.info.duration is not None:
            end = min(end, entry.info.duration)
        while True:
            with self._lock:
                if is_within((begin, end), entry.fresh):
                    return
                going_on = entry.going_on
                near = [time for time in entry.brushed if begin - 1 <= time < end + 1] or [nearest]
            # what has begun to be carried to the part is waited for, if frames before it do not come first
            if going_on is None or going_on[0] < begin - 1 or not is_within((begin, end), [going_on]):
                break
            check_wanted()
            sleep(_POLL)
        self._carry_part(entry, min(begin, *near), max(end, max(near) + entry.step))

    def remove_layer(self, clip: str, layer: int) -> None:
        """Forget the masks of a layer; those above it move down by one."""
        with self._lock:
            self._forget(clip, layer)
            for upper in range(layer + 1, LAYERS):
                entry = self._layers.pop((clip, upper), None)
                if entry is not None:
                    self._layers[clip, upper - 1] = entry
        self.on_change()

    def close(self) -> None:
        """End the work that goes on."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _forget(self, clip: str, layer: int) -> None:
        """Forget a layer; the lock is held."""
        entry = self._layers.pop((clip, layer), None)
        if entry is not None:
            entry.forget_carried()

    def _goes_on(self, progress: Progress) -> bool:
        check_wanted()
        return not self._stopping.is_set()

    def _carry(self, entry: LayerMasks) -> None:
        """Carry masks to the parts that are due; a newer stroke replaces them."""
        try:
            with interruptible(self._stopping):
                while True:
                    with self._lock:
                        if not entry.due or self._stopping.is_set():
                            return
                        part = entry.going_on = entry.due.pop(0)
                    self._carry_part(entry, *part)
                    entry.going_on = None
                    self.on_change()
        except (VidstyleError, OSError) as error:
            log.warning("masks cannot be carried: %s", error)
        finally:
            entry.going_on = None

    def _carry_part(self, entry: LayerMasks, begin: Fraction, end: Fraction) -> None:
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
        fresh = (begin, begin)
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
                if fresh in entry.fresh:
                    entry.fresh.remove(fresh)
                fresh = begin, end if number == len(frames) - 1 else time + frame.duration
                entry.fresh.append(fresh)
            if number % _TOLD == _TOLD - 1:
                self.on_change()

    def _exact_time(self, entry: LayerMasks, time: Fraction) -> Fraction:
        """When the frame begins that the page shows for ``time``: seconds from the start of the clip."""
        key = entry.path, time
        if key not in self._exact:
            self._exact[key] = exact_time(entry.path, time) - entry.info.start
        return self._exact[key]
