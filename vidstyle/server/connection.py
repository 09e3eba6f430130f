"""The WebSocket of each open page: looks at painted frames, of which only the newest counts, and jobs."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from vidstyle.errors import InputError, OptionError, VidstyleError
from vidstyle.server.previews import DRAFT, FULL, THUMBNAIL, Look
from vidstyle.server.session import Clip, Session
from vidstyle.server.settings import Settings, set_of, settings_of
from vidstyle.server.stills import Recent, moment_of, time_of
from vidstyle.server.stretches import STRETCH, Stretch, StretchPicture

log = logging.getLogger(__name__)

_JOBS_PAUSE = 0.1  # s between two messages on jobs
_POLL = 0.1  # s between two looks at whether a stretch is still wanted
_KEPT = 100  # painted pictures, until the page has fetched them


class Connections:
    """All open pages of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._changes: set[asyncio.Event] = set()
        self._pictures: Recent[bytes] = Recent(_KEPT)

    def begin(self) -> None:
        """Tell the pages of changes of jobs and masks from now on; call it in the server's event loop."""
        loop = asyncio.get_running_loop()

        def changed() -> None:
            with contextlib.suppress(RuntimeError):  # the server has ended before the job
                loop.call_soon_threadsafe(self._tell)

        for part in (self._session.jobs, self._session.masks, self._session.layers):
            part.on_change = changed

    async def endpoint(self, socket: WebSocket) -> None:
        """Serve one page until it is closed."""
        await socket.accept()
        change = asyncio.Event()
        change.set()  # a page that opens learns of the jobs
        self._changes.add(change)
        looks = _Looks(self, self._session, socket)
        report = asyncio.create_task(self._report(socket, change))
        try:
            while True:
                looks.take(await socket.receive_text())
        except (WebSocketDisconnect, KeyError):  # KeyError: a message that is no text
            pass
        finally:
            self._changes.discard(change)
            looks.end()
            report.cancel()
            await asyncio.gather(report, return_exceptions=True)

    async def picture(self, request: Request) -> Response:
        """A painted frame, whose name the socket has sent."""
        data = self._pictures.get(request.path_params["picture"])
        if data is None:
            raise InputError("that picture is not kept any more; move the slider once")
        headers = {"cache-control": "private, max-age=3600"}
        return Response(data, media_type="image/jpeg", headers=headers)

    def keep(self, picture: bytes) -> str:
        """The name under which ``picture`` can be fetched."""
        name = hashlib.sha256(picture).hexdigest()[:32]
        self._pictures.put(name, picture)
        return name

    def _tell(self) -> None:
        for change in self._changes:
            change.set()

    async def _report(self, socket: WebSocket, change: asyncio.Event) -> None:
        told: dict[str, object] = {}
        told_layers: Mapping[str, object] = {}
        while True:
            await change.wait()
            change.clear()
            await socket.send_json({"kind": "jobs", "jobs": self._session.jobs.to_json()})
            if (masks := self._session.masks.to_json()) != told:
                told = masks
                await socket.send_json({"kind": "masks", "clips": masks})
            if (layers := self._session.layers.to_json()) != told_layers:
                told_layers = layers
                styles = [style.to_json() for style in self._session.styles.values()]
                told_of = {"clips": layers, "version": self._session.layers.version, "styles": styles}
                await socket.send_json({"kind": "layers", **told_of})
            await asyncio.sleep(_JOBS_PAUSE)


class _Looks:
    """The requests of one page for painted frames: a newer one ends the older."""

    def __init__(self, connections: Connections, session: Session, socket: WebSocket) -> None:
        self._connections, self._session, self._socket = connections, session, socket
        self._stop = threading.Event()  # ends the painting that goes on
        self._task: asyncio.Task[None] | None = None

    def take(self, text: str) -> None:
        """Begin with a request instead of what was asked before."""
        self.end()
        self._stop = threading.Event()
        self._task = asyncio.create_task(self._paint(text, self._stop))

    def end(self) -> None:
        """Paint nothing more; what the thread has begun it ends soon, and nobody waits for it."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()

    async def _paint(self, text: str, stop: threading.Event) -> None:
        number: object = None
        try:
            try:
                message = json.loads(text)
                if not isinstance(message, dict):
                    raise OptionError("a message must be an object")
                number = message.get("number")
                await self._answer(message, number, stop)
            except (VidstyleError, OSError, MemoryError) as error:
                await self._send("error", number, message=self._session.plain_message(error))
            except WebSocketDisconnect:
                raise
            except Exception as error:  # of a message that is no JSON, or an engine from outside
                log.debug("a look at a frame failed", exc_info=True)
                await self._send("error", number, message=f"unexpected {type(error).__name__}: {error}")
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: the socket is closed already
            return

    async def _answer(self, message: dict[str, object], number: object, stop: threading.Event) -> None:
        clip = self._session.clip(message.get("clip"))
        shown, time = time_of(message.get("time")), moment_of(message.get("time"))
        settings = settings_of(message.get("settings"))
        command = self._session.command(clip, settings)  # raises for styles that are not there
        set_now = set_of(cast("Mapping[str, object]", message["settings"]))
        self._session.looked_at = {**set_now, "clip": clip.id, "time": float(shown)}
        await self._send("command", number, **command)
        if message.get("kind") == "play":
            await self._play(clip, time, settings, number, stop)
            return
        stills = settings.at(shown)
        looks = [self._look(clip, time, still) for still in stills]
        layers = [(layer, look, self._session.previews.is_known(look)) for layer, look in enumerate(looks)]
        first = [(layer, look, FULL if is_known else DRAFT) for layer, look, is_known in layers]
        then = [(layer, look, FULL) for layer, look, is_known in layers if not is_known]
        for layer, look, stage in (*first, *then):
            picture = await self._session.previews.painted(look, stage, stop)
            if picture is None or stop.is_set():
                return
            name = self._connections.keep(picture)
            await self._send("painted", number, stage=stage, layer=layer, picture=name)
        alone = Settings(stills[0].styles[:1], (), stills[0].options)
        for style in list(self._session.styles.values()):
            small = Look(clip.path, clip.info, time, (style.argument,), alone)
            picture = await self._session.previews.painted(small, THUMBNAIL, stop)
            if picture is None or stop.is_set():
                return
            name = self._connections.keep(picture) if picture else ""
            await self._send("thumbnail", number, style=style.id, picture=name)

    def _look(self, clip: Clip, time: Fraction, still: Settings) -> Look:
        styles = tuple(style.argument for style in self._session.chosen(still))
        return Look(clip.path, clip.info, time, styles, still)

    async def _play(
        self, clip: Clip, time: Fraction, settings: Settings, number: object, stop: threading.Event
    ) -> None:
        """Send the frames of a stretch from ``time`` (s): a message for each, and then its picture."""
        styles, keywords = self._session.styling(clip, settings, (time, STRETCH))
        prepare = partial(self._session.part_files, clip, settings, time, STRETCH)
        stretch = Stretch(clip.path, clip.info, time, STRETCH, styles, keywords, prepare)
        loop = asyncio.get_running_loop()

        async def send(picture: StretchPicture) -> None:
            values = {"stage": picture.stage, "index": picture.index, "time": picture.time}
            await self._send("frame", number, duration=picture.duration, **values)
            await self._socket.send_bytes(picture.data)

        def show(picture: StretchPicture) -> bool:  # waits, so that no more is painted than can be sent
            sending = asyncio.run_coroutine_threadsafe(send(picture), loop)
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    sending.result(_POLL)
                    break
            return not stop.is_set()

        await self._session.previews.stretch(stretch, self._session.folder, show, stop)
        if not stop.is_set():
            await self._send("played", number)

    async def _send(self, kind: str, number: object, **values: object) -> None:
        await self._socket.send_json({"kind": kind, "number": number, **values})
