"""Who may talk to the page's server: the token, the Host and the Origin of each request, and safe headers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vidstyle.server.addresses import is_own_host

# The page takes nothing from other hosts, runs no inline script and is shown in no frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # the address holds the token
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_OPEN = "/static/"  # files of the package, which hold nothing of the user's
_SAFE_METHODS = ("GET", "HEAD")


class Guard:
    """An ASGI application that passes on only requests of the page itself.

    Args:
        app: what answers them.
        token: must be in the query of every request, except those for the files of the package.
        host: the address that the server listens at. A request's Host must be it, or a name of this machine,
            so that a foreign name that leads here (DNS rebinding) is refused.
    """

    def __init__(self, app: ASGIApp, *, token: str, host: str) -> None:
        self._app, self._token, self._host = app, token, host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal and scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        elif refusal:
            await _answer(_with_headers(send), refusal)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> str:
        """Why the request is refused, in one line; empty if it is not."""
        host = _header(scope, b"host")
        if not is_own_host(host, self._host):
            return f"this server is not called {host!r}; open the address that `vidstyle page` printed"
        origin = _header(scope, b"origin")
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        # a browser sends the origin with every WebSocket, to which no CORS applies
        if (origin or scope["type"] == "websocket") and changes and origin != f"http://{host}":
            return f"a page of {origin or 'an unknown origin'} may not use this server"
        if scope["path"].startswith(_OPEN):
            return ""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return "the token is missing or wrong; open the address that `vidstyle page` printed"
        return ""


def _header(scope: Scope, name: bytes) -> str:
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return with_headers


async def _answer(send: Send, line: str) -> None:
    """Refuse a request with 403 and a line of text."""
    body = line.encode("utf-8", "replace")
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
