"""A camera, or a clip that plays like one: its frames as they come, of which the newest is taken."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from time import monotonic_ns

import cv2
import numpy as np

from vidstyle.errors import InputError
from vidstyle.frames import Frame, Pixels
from vidstyle.pipeline.prefetch import side_thread

_POLL = 0.1  # s between two looks at whether the camera has ended
_SECOND = 10**9  # ns
_DIGITS = 9  # of a camera's number: OpenCV takes no more


class Camera:
    """Frames of a camera by number, of a device, or of a clip, which is played at its own rate.

    A context, in which a thread reads the camera once frames are asked for: a frame that nobody took is
    replaced by the next one. Raises ``InputError`` if there is none.
    """

    def __init__(self, name: str) -> None:
        """``name``: a number from 0, a path or an address."""
        self.name = name
        self._is_clip = Path(name).is_file()
        with _quiet():
            is_number = name.isdecimal() and len(name) <= _DIGITS
            self._capture = cv2.VideoCapture(int(name) if is_number else name)
        if not self._capture.isOpened():
            raise InputError(
                f"no camera or clip can be opened as {name!r}; give the number of a camera (0 is the first), "
                "a file or an address"
            )
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.dropped = 0
        """Frames that came while others were painted."""
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._error: BaseException | None = None
        self._has_ended = False
        self._stop = threading.Event()
        self._thread = side_thread("camera")

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.shutdown()
        self._capture.release()

    def frames(self) -> Generator[Frame, None, None]:
        """The newest frame at each step, until the camera ends; called once. Times count from then."""
        self._thread.submit(self._read)
        while True:
            with self._changed:
                while self._newest is None and not self._has_ended:
                    self._changed.wait(_POLL)
                frame, self._newest = self._newest, None
            if frame is None:
                if self._error is not None:
                    raise self._error
                return
            yield frame

    def _read(self) -> None:
        try:
            begun = monotonic_ns()
            rate = self._capture.get(cv2.CAP_PROP_FPS) if self._is_clip else 0.0
            step = Fraction(1, 25) if rate <= 0 else 1 / Fraction(rate).limit_denominator(1001)
            number = 0
            while not self._stop.is_set():
                is_read, picture = self._capture.read()
                if not is_read:
                    break
                if self._is_clip:
                    due = int(number * step * _SECOND) - (monotonic_ns() - begun)
                    if self._stop.wait(max(0, due) / _SECOND):
                        break
                pixels: Pixels = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
                self._put(Frame(pixels, Fraction(monotonic_ns() - begun, _SECOND), step))
                number += 1
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._has_ended = True
                self._changed.notify()

    def _put(self, frame: Frame) -> None:
        with self._changed:
            self.dropped += self._newest is not None
            self._newest = frame
            self._changed.notify()


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """OpenCV prints no lines of its own about devices that are not there."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
