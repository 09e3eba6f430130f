"""The cuts of the session's clips, found in a thread, for the time line."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from vidstyle.errors import VidstyleError
from vidstyle.frames import VideoInfo
from vidstyle.pipeline.prefetch import side_thread
from vidstyle.temporal.cuts import Cuts
from vidstyle.video.reading.reader import Reader

log = logging.getLogger(__name__)

_SIDE = 256  # px, long side at which frames are read: cuts are found in smaller ones
_LONGEST = 1200  # s: a longer clip is not read for its cuts


@dataclass
class _Found:
    times: list[float] = field(default_factory=list)
    """s, from the start of the clip."""
    is_done: bool = False


class ClipCuts:
    """The cuts of clips; several threads may use it, until ``stopping`` is set."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._thread = side_thread("cuts")
        self._found: dict[Path, _Found] = {}
        self._lock = threading.Lock()

    def so_far(self, info: VideoInfo) -> dict[str, object]:
        """The times (s) of the cuts that are found, and whether these are all; the first call begins."""
        with self._lock:
            found = self._found.get(info.path)
            if found is None:
                found = self._found[info.path] = _Found()
                if (info.duration or 0) <= _LONGEST:
                    self._thread.submit(self._find, info.path, found)
                else:
                    found.is_done = True
        return {"cuts": list(found.times), "is_done": found.is_done}

    def close(self) -> None:
        """End the work that goes on."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _find(self, path: Path, found: _Found) -> None:
        cuts = Cuts()
        try:
            with Reader(path, side=_SIDE) as reader:
                for number, frame in enumerate(reader):
                    if self._stopping.is_set():
                        return
                    boundary = cuts.look(frame.pixels)
                    if boundary.is_return and found.times:
                        found.times.pop()  # it was a flash
                    elif boundary.is_cut and number > 0:
                        found.times.append(float(frame.time))
        except (VidstyleError, OSError) as error:
            log.debug("the cuts of %s cannot be found: %s", path.name, error)
        finally:
            found.is_done = True
