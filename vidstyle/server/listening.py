"""A server of HTTP on this machine: the socket at which it listens, and how it ends."""

from __future__ import annotations

import logging
import socket

import uvicorn
from starlette.types import ASGIApp

from vidstyle.errors import OptionError

_PATIENCE = 2  # s that open connections have to end
_LAST_PORT = 65535


class _Server(uvicorn.Server):
    """A server that ends without a word about the requests which it cuts off."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def server_of(app: ASGIApp, *, patience: int = _PATIENCE) -> uvicorn.Server:
    """A server of ``app``; ``run`` it with a socket that listens.

    When it is stopped, requests that are being answered have ``patience`` seconds to end.
    """
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # pictures are packed already
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=patience,
    )
    return _Server(config)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at ``host`` and ``port``; raises ``OptionError``."""
    if not 0 <= port <= _LAST_PORT:  # of a larger one the system takes the last 16 bits
        raise OptionError(f"--port must be 0 to {_LAST_PORT}, got {port}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"cannot listen at {host}, port {port}: {reason}; give another --host or --port"
        ) from error
    listener.setblocking(False)
    return listener
