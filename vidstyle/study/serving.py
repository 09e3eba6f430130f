"""Serves a study on this machine or the local network, and keeps the answers that people send."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from vidstyle.atomic_write import write_atomically
from vidstyle.server.addresses import is_own_host
from vidstyle.study.answers import check_answers
from vidstyle.study.making import read_study

_LARGEST = 5_000_000  # bytes of the answers of a person
_NAME = re.compile(r"[0-9a-f]{8,64}")

Next = Callable[[Request], Awaitable[Response]]


def study_app(folder: Path, answers: Path, *, host: str) -> Starlette:
    """The application: the files of the study in ``folder``, and ``POST answers``, kept in ``answers``.

    A person's answers that come again replace the former ones. Requests for another host than ``host``, and
    answers from other pages, are refused.
    """
    study = str(read_study(folder)["study"])

    async def take(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(status_code=204)
        address = request.headers.get("host", "")
        if not is_own_host(address, host) or request.headers.get("origin") != f"http://{address}":
            return PlainTextResponse("answers are taken from the study's own page", 403)
        data = b""
        async for piece in request.stream():
            data += piece
            if len(data) > _LARGEST:
                return PlainTextResponse("the answers are too long", 413, {"connection": "close"})
        try:
            given = check_answers(data.decode("utf-8"))
        except ValueError as error:
            return PlainTextResponse(f"the answers cannot be used: {error}", 400)
        name = str(given["person"])
        if given["study"] != study or not _NAME.fullmatch(name):
            return PlainTextResponse("these are answers to another study", 400)
        write_atomically(answers / f"answers-{name}.json", data, is_synced=True)
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/answers", take, methods=["HEAD", "POST"]),
            Mount("/", StaticFiles(directory=folder, html=True)),
        ]
    )
