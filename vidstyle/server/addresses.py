"""Which addresses only this machine can reach, and which names of a server are its own."""

from __future__ import annotations

import ipaddress
import socket


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens at ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_own_host(header: str, host: str) -> bool:
    """Whether a request's Host ``header`` names a server that listens at ``host``."""
    name = header if header.endswith("]") else header.rpartition(":")[0] or header
    name = name.strip("[]").lower()
    if is_loopback(host):
        return name in ("localhost", "127.0.0.1", "::1", host.lower())
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in ("localhost", host.lower(), socket.gethostname().lower())
    return True  # an address is no name that a foreign server could have given
