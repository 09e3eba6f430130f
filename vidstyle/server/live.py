"""The camera of the browser, painted frame by frame: the newest frame wins, and the size holds a rate."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image
from starlette.websockets import WebSocket, WebSocketDisconnect

from vidstyle.errors import InputError, VidstyleError
from vidstyle.frames import Frame, Pixels
from vidstyle.options import CAMERA_QUALITY
from vidstyle.options.keywords import FrameKeywords
from vidstyle.pipeline.held_rate import check_paints_cameras, painted_at_rate
from vidstyle.pipeline.prefetch import Unwanted, interruptible, side_thread
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.server.session import Session
from vidstyle.server.settings import Settings, settings_of
from vidstyle.server.stills import jpeg

log = logging.getLogger(__name__)

RATE = 10
"""Frames a second that the size of frames and strokes holds."""
_LARGEST = 1920 * 1080  # px of a frame
_LONGEST = 5_000_000  # bytes of a frame
_POLL = 0.1  # s between two looks at the stop flag


class Live:
    """Paints the cameras of the session's pages, one at a time: a page that begins ends the one before."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._thread = side_thread("live")
        self._stop = threading.Event()

    async def endpoint(self, socket: WebSocket) -> None:
        """Serve one camera: a text is what is set, bytes are a frame (JPEG); painted frames come back."""
        await socket.accept()
        self._stop.set()
        self._stop = stop = threading.Event()
        newest = _Newest(stop)
        painting: asyncio.Task[None] | None = None
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("text") is not None:
                    if painting is not None:
                        newest.end()
                        await painting
                    newest = _Newest(stop)
                    painting = asyncio.create_task(self._paint(socket, message["text"], newest))
                elif (data := message.get("bytes")) and len(data) <= _LONGEST and newest.put(data):
                    await socket.send_json({"kind": "dropped"})
        except WebSocketDisconnect:
            pass
        finally:
            stop.set()
            if painting is not None:
                await asyncio.gather(painting, return_exceptions=True)

    async def _paint(self, socket: WebSocket, text: str, newest: _Newest) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # RuntimeError: it is closed already
            try:
                settings = settings_of(json.loads(text)).at(Fraction(0))[0]  # no layers, and one style
                styles = [style.argument for style in self._session.chosen(settings)]
                work = _Painting(settings, styles, newest, socket, loop)
                await loop.run_in_executor(self._thread, work.run)
            except (VidstyleError, OSError, MemoryError) as error:
                await socket.send_json({"kind": "error", "message": self._session.plain_message(error)})
            except (ValueError, RecursionError):
                await socket.send_json({"kind": "error", "message": "what is set must be a JSON object"})
            except WebSocketDisconnect:
                raise
            except Exception as error:  # of an engine from outside: the page must not wait for ever
                log.warning("the camera: unexpected %s: %s", type(error).__name__, error)
                line = f"unexpected {type(error).__name__}: {error}"
                await socket.send_json({"kind": "error", "message": line})


class _Newest:
    """The newest frame of a camera: older ones that nobody has taken are dropped."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self._ended = False
        self._changed = threading.Condition()
        self._data: bytes | None = None

    def put(self, data: bytes) -> bool:
        """Take a frame; returns whether another one is dropped for it."""
        with self._changed:
            has_dropped, self._data = self._data is not None, data
            self._changed.notify()
            return has_dropped

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self) -> bytes | None:
        """Wait for the next frame; None at the end."""
        with self._changed:
            while self._data is None:
                if self._ended or self.stop.is_set():
                    return None
                self._changed.wait(_POLL)
            data, self._data = self._data, None
            return None if self._ended else data


@dataclass
class _Painting:
    """Paints what a camera sends with one choice of settings, until it ends."""

    settings: Settings
    styles: Sequence[str | Path]
    newest: _Newest
    socket: WebSocket
    loop: asyncio.AbstractEventLoop

    def run(self) -> None:
        options = {**self.settings.keywords, "working_size": "auto", "fps_target": RATE}
        if not {"quality", "engine"} & options.keys():
            options["quality"] = CAMERA_QUALITY
        with contextlib.suppress(Unwanted), interruptible(self.newest.stop):
            check_paints_cameras(cast(FrameKeywords, options))
            stylizer = Stylizer([*self.styles], **cast(FrameKeywords, options))
            with contextlib.closing(painted_at_rate(stylizer, self._frames(), RATE)) as paintings:
                sending: Future[None] | None = None
                for painted in paintings:
                    picture = jpeg(painted.pixels, (painted.width, painted.height))
                    if sending is not None:  # the one before, which was sent while this one was painted
                        self._wait_for(sending)
                    sending = asyncio.run_coroutine_threadsafe(self.socket.send_bytes(picture), self.loop)

    def _frames(self) -> Iterator[Frame]:
        step = Fraction(1, RATE)
        for number in count():
            data = self.newest.take()
            if data is None:
                return
            yield Frame(_decoded(data), number * step, step)

    def _wait_for(self, sending: Future[None]) -> None:
        while not self.newest.stop.is_set():
            with contextlib.suppress(TimeoutError):
                sending.result(_POLL)
                return


def _decoded(data: bytes) -> Pixels:
    """A JPEG file's pixels (H, W, 3); raises ``InputError`` if it is none or too large."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            if image.width * image.height > _LARGEST:
                size = f"{image.width} x {image.height}"
                raise InputError(f"a camera's frame may have 1920 x 1080 px, got {size}")
            return np.asarray(image.convert("RGB"), np.uint8)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError("the camera's frame is no JPEG picture") from error
