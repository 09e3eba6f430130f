"""What all endpoints of the page share: errors as a line of JSON, messages, and pictures."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vidstyle.errors import InputError, OptionError, VidstyleError
from vidstyle.server.session import Session
from vidstyle.server.uploads import TooLarge

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

_LONGEST_MESSAGE = 100_000  # bytes


def answering(session: Session, endpoint: Endpoint) -> Endpoint:
    """``endpoint`` with errors as JSON, ``{"error": line}``."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except TooLarge as error:
            # the rest of the file is not read, so the connection cannot be used again
            return JSONResponse({"error": session.plain_message(error)}, 413, {"connection": "close"})
        except (VidstyleError, OSError) as error:
            return JSONResponse({"error": session.plain_message(error)}, 400)
        except Exception as error:  # one request must not fill the terminal
            log.warning("the page: unexpected %s: %s", type(error).__name__, error)
            return JSONResponse({"error": f"unexpected {type(error).__name__}: {error}"}, 500)

    return answer


async def body_of(request: Request, longest: int) -> bytes:
    """The body of ``request``; raises ``OptionError`` for more than ``longest`` bytes."""
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > longest:
            raise OptionError("the message is too long")
    return data


async def message_of(request: Request) -> dict[str, object]:
    """The JSON object in the body of ``request``; raises ``OptionError`` if there is none."""
    data = await body_of(request, _LONGEST_MESSAGE)
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise OptionError("the message must be a JSON object")
    return message


def picture(data: bytes) -> Response:
    """A JPEG file, which may be kept by the browser; raises ``InputError`` if there is none."""
    if not data:
        raise InputError("there is no picture yet")
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})
