"""Files that are dropped on the page: received piece by piece, up to a limit, into a folder of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from starlette.requests import ClientDisconnect, Request

from vidstyle.errors import InputError

CLIP_LIMIT = 2_000_000_000  # bytes
STYLE_LIMIT = 100_000_000  # bytes


class TooLarge(InputError):
    """A file that is larger than the page takes, or than there is room for."""


async def receive_file(request: Request, path: Path, limit: int) -> None:
    """Write the body of ``request`` to ``path``, in a folder of its own, which is removed if that fails.

    Raises ``TooLarge`` for more than ``limit`` bytes, at once if the request says how many they are, and
    ``InputError`` for a file that does not arrive whole.
    """
    try:
        length = request.headers.get("content-length", "")
        if length.isdigit():
            _check_size(int(length), limit, path)
        received = 0
        with path.open("wb") as file:
            async for piece in request.stream():
                received += len(piece)
                _check_size(received, limit, path)
                file.write(piece)
        if length.isdigit() and received != int(length):
            raise InputError(f"{path.name} did not arrive whole; drop it again")
    except ClientDisconnect:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise InputError(f"{path.name} did not arrive whole; drop it again") from None
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


def _check_size(size: int, limit: int, path: Path) -> None:
    if size > limit:
        raise TooLarge(
            f"{path.name} is larger than {limit / 1e6:,.0f} MB, the most that can be dropped; "
            "start with its name, which reads it where it is: vidstyle page FILE"
        )
    if size > shutil.disk_usage(path.parent).free:
        raise TooLarge(f"there is no room for {path.name} on the disk with {path.parent.parent}")
