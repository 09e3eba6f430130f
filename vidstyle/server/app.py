"""The web application of the page: its addresses, and what each of them answers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from vidstyle.errors import InputError, OptionError
from vidstyle.server.answers import answering, message_of, picture
from vidstyle.server.connection import Connections
from vidstyle.server.jobs import Job
from vidstyle.server.live import Live
from vidstyle.server.mask_routes import mask_routes
from vidstyle.server.project_routes import project_routes
from vidstyle.server.security import Guard
from vidstyle.server.session import Clip, PageStyle, Session
from vidstyle.server.settings import described_options, settings_of
from vidstyle.server.stills import frame_at, jpeg, moment_of, shown_size, within
from vidstyle.server.stretches import STRETCH
from vidstyle.server.uploads import CLIP_LIMIT, STYLE_LIMIT, receive_file
from vidstyle.styles.pictures import load
from vidstyle.video.reading.sound import sound_of_part

V = TypeVar("V")

PAGE = Path(__file__).parent / "page"
_WIDEST = 1920  # px, of a frame for the page
_DIGITS = 9  # of a width: Python converts no more than 4300
_STYLE_SIDE = 192  # px
_MEDIA_TYPES = {  # what browsers take for files that they can play
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/webm",
}


def make_app(
    session: Session,
    *,
    token: str,
    host: str,
    clip_limit: int = CLIP_LIMIT,
    on_start: Callable[[], None] | None = None,
) -> Guard:
    """The application for a ``session``; see ``Guard`` for ``token`` and ``host``.

    ``clip_limit`` is in bytes; ``on_start`` is called in a thread of its own once the server answers.
    """
    api = _Api(session, clip_limit)
    connections = Connections(session)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None, None]:
        connections.begin()
        if on_start is not None:
            asyncio.get_running_loop().run_in_executor(None, on_start)
        yield

    routes = [
        Route("/", api.index),
        Mount("/static", StaticFiles(directory=PAGE)),
        Route("/api/state", answering(session, api.state)),
        Route("/api/clips", answering(session, api.add_clip), methods=["POST"]),
        Route("/api/clips/{clip}/frame", answering(session, api.frame)),
        Route("/api/clips/{clip}/sound", answering(session, api.sound)),
        Route("/api/clips/{clip}/cuts", answering(session, api.cuts)),
        Route("/api/styles", answering(session, api.add_style), methods=["POST"]),
        Route("/api/styles/{style}/picture", answering(session, api.style_picture)),
        Route("/api/jobs", answering(session, api.add_job), methods=["POST"]),
        Route("/api/jobs/{job}/stop", answering(session, api.stop_job), methods=["POST"]),
        Route("/api/jobs/{job}/pause", answering(session, api.pause_job), methods=["POST"]),
        Route("/api/jobs/{job}/resume", answering(session, api.resume_job), methods=["POST"]),
        Route("/api/jobs/{job}/proxy", answering(session, api.proxy)),
        Route("/api/jobs/{job}/picture", answering(session, api.job_picture)),
        Route("/api/jobs/{job}/result", answering(session, api.result)),
        Route("/api/pictures/{picture}", answering(session, connections.picture)),
        *mask_routes(session),
        *project_routes(session),
        WebSocketRoute("/api/socket", connections.endpoint),
        WebSocketRoute("/api/live", Live(session).endpoint),
    ]
    return Guard(Starlette(routes=routes, lifespan=lifespan), token=token, host=host)


class _Api:
    """The answers to requests; each may raise a ``VidstyleError``, which becomes a line on the page."""

    def __init__(self, session: Session, clip_limit: int) -> None:
        self._session, self._clip_limit = session, clip_limit
        self._options: list[dict[str, object]] = []

    async def index(self, request: Request) -> Response:
        return FileResponse(PAGE / "index.html")

    async def state(self, request: Request) -> Response:
        if not self._options:
            self._options = await self._reading(described_options)
        limits = {"clip": self._clip_limit, "style": STYLE_LIMIT}
        return JSONResponse({**self._session.to_json(), "options": self._options, "limits": limits})

    async def add_clip(self, request: Request) -> Response:
        def add(path: Path, name: str) -> Clip:
            return self._session.add_clip(path, name)

        return JSONResponse((await self._received(request, self._clip_limit, add)).to_json())

    async def add_style(self, request: Request) -> Response:
        def add(path: Path, name: str) -> PageStyle:
            return self._session.add_style(path, name)

        return JSONResponse((await self._received(request, STYLE_LIMIT, add)).to_json())

    async def frame(self, request: Request) -> Response:
        """A frame of a clip: ``time`` in s, ``width`` in px."""
        clip = self._session.clip(request.path_params["clip"])
        time, width = moment_of(request.query_params.get("time")), request.query_params.get("width", "")
        wide = int(width) if width.isdecimal() and len(width) < _DIGITS else _WIDEST
        size = shown_size(clip.info, max(16, min(_WIDEST, wide)))
        data = await self._reading(lambda: jpeg(frame_at(clip.path, time).pixels, size))
        return picture(data)

    async def sound(self, request: Request) -> Response:
        """The sound of the stretch that is played from ``time`` (s), a WAV file; 204: the clip has none."""
        clip = self._session.clip(request.path_params["clip"])
        begin = clip.info.start + moment_of(request.query_params.get("time"))
        data = await self._reading(lambda: sound_of_part(clip.path, begin, STRETCH))
        return Response(status_code=204) if data is None else Response(data, media_type="audio/wav")

    async def cuts(self, request: Request) -> Response:
        """The cuts that are found so far; the page asks again until these are all."""
        return JSONResponse(self._session.cuts.so_far(self._session.clip(request.path_params["clip"]).info))

    async def style_picture(self, request: Request) -> Response:
        style = self._session.styles.get(request.path_params["style"])
        if style is None:
            raise InputError("that style is not in this session; drop its picture again")

        def read() -> bytes:
            pixels = load(style.path)
            return jpeg(pixels, within(pixels, _STYLE_SIDE))

        return picture(await self._reading(read))

    async def add_job(self, request: Request) -> Response:
        message = await message_of(request)
        settings = settings_of(message.get("settings"))
        clip = self._session.clip(message.get("clip"))
        job = self._session.add_job(clip, settings)
        return JSONResponse(job.to_json())

    async def stop_job(self, request: Request) -> Response:
        return JSONResponse(self._session.jobs.stop(request.path_params["job"]).to_json())

    async def pause_job(self, request: Request) -> Response:
        return JSONResponse(self._session.jobs.pause(request.path_params["job"]).to_json())

    async def resume_job(self, request: Request) -> Response:
        return JSONResponse(self._session.jobs.go_on(request.path_params["job"]).to_json())

    async def job_picture(self, request: Request) -> Response:
        return picture(self._session.jobs.job(request.path_params["job"]).picture)

    async def result(self, request: Request) -> Response:
        """The finished file, or the part of it that the browser asks for; to be saved with ``download``."""
        job = self._finished(request)
        media_type = _MEDIA_TYPES.get(job.target.suffix.lower())
        name = job.target.name if "download" in request.query_params else None
        return FileResponse(job.target, media_type=media_type, filename=name)

    async def proxy(self, request: Request) -> Response:
        """A copy of the result that the browser can play, in ``codec``."""
        job, codec = self._finished(request), request.query_params.get("codec", "h264")
        work = self._session.proxies.made
        path = await asyncio.get_running_loop().run_in_executor(None, work, job.target, codec)
        return FileResponse(path, media_type=_MEDIA_TYPES[path.suffix])

    def _finished(self, request: Request) -> Job:
        """The job of a request, whose result is there; raises ``InputError``."""
        job = self._session.jobs.job(request.path_params["job"])
        if not job.to_json()["playable"] or not job.target.is_file():
            raise InputError(f"{job.target.name} is not there; was it moved?")
        return job

    async def _received(self, request: Request, limit: int, add: Callable[[Path, str], V]) -> V:
        """What ``add`` makes of the file in ``request``, whose name is in the query."""
        name = request.query_params.get("name", "").replace("\\", "/").rpartition("/")[2]
        if not name:
            raise OptionError("a dropped file must have a name")
        path = self._session.place(name)
        await receive_file(request, path, limit)
        try:
            return await self._reading(lambda: add(path, name))
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise

    async def _reading(self, work: Callable[[], V]) -> V:
        return await asyncio.get_running_loop().run_in_executor(self._session.frames_thread, work)
