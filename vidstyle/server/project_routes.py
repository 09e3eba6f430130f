"""The addresses at which the page saves and opens projects."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from vidstyle.pipeline.report import Progress
from vidstyle.server.answers import answering, message_of
from vidstyle.server.projects import PROJECT_LIMIT, open_page_project, save_page_project
from vidstyle.server.session import Session
from vidstyle.server.uploads import receive_file

V = TypeVar("V")


def project_routes(session: Session) -> list[Route]:
    """The routes of projects."""
    api = _ProjectApi(session)
    return [
        Route("/api/clips/{clip}/save-project", answering(session, api.save), methods=["POST"]),
        Route("/api/clips/{clip}/open-project", answering(session, api.open), methods=["POST"]),
    ]


class _ProjectApi:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def save(self, request: Request) -> Response:
        """A ZIP file of all that is set; the message holds the settings."""
        clip = self._session.clip(request.path_params["clip"])
        message = (await message_of(request)).get("settings")

        def goes_on(progress: Progress) -> bool:
            return not self._session.stopping.is_set()

        path = await _in_thread(lambda: save_page_project(self._session, clip, message, goes_on))
        return FileResponse(path, media_type="application/zip", filename=path.name)

    async def open(self, request: Request) -> Response:
        """Take a ZIP file that was saved; answers with the settings and the styles in it."""
        clip = self._session.clip(request.path_params["clip"])
        path = self._session.place("project.zip")
        await receive_file(request, path, PROJECT_LIMIT)
        try:
            return JSONResponse(await _in_thread(lambda: open_page_project(self._session, clip, path)))
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)


async def _in_thread(work: Callable[[], V]) -> V:
    return await asyncio.get_running_loop().run_in_executor(None, work)
