"""Runs the page's server until it is stopped."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from vidstyle.server.app import make_app
from vidstyle.server.listening import listening, server_of
from vidstyle.server.session import Session


def serve(
    clip: str | None,
    *,
    results: Path,
    host: str,
    port: int,
    opens_browser: bool,
    on_address: Callable[[str], None],
) -> None:
    """Serve the page at ``host`` and ``port`` (0: any free one) until a signal stops the process.

    ``on_address`` is called with the address of the page, which holds the token. Raises ``InputError`` for a
    ``clip`` that cannot be read, ``OutputError`` for a folder of ``results`` that is not there, and
    ``OptionError`` for an address at which this machine cannot listen.
    """
    with closing(listening(host, port)) as listener, Session(results, clip) as session:
        token = secrets.token_urlsafe(24)
        address = address_of(listener, host, token)

        def open_browser() -> None:
            if opens_browser:
                webbrowser.open(address)

        app = make_app(session, token=token, host=host, on_start=open_browser)
        on_address(address)
        server_of(app).run(sockets=[listener])


def address_of(listener: socket.socket, host: str, token: str) -> str:
    """The address of the page of a server that listens with ``listener``."""
    port = listener.getsockname()[1]
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/?token={token}"
