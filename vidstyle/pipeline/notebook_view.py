"""What a finished run looks like in a notebook: its video, and a line about it, as HTML."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from urllib.parse import quote

_LARGEST = 8 << 20  # bytes of a file that is put into the notebook itself
_VIDEOS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}
_PICTURES = {".gif": "image/gif", ".apng": "image/apng", ".webp": "image/webp", ".png": "image/png"}


def run_html(target: Path, lines: tuple[str, ...]) -> str:
    """HTML that shows the result ``target`` and ``lines`` about it.

    A small file that browsers play is in the HTML itself, so that it stays when the file is moved. For others
    there is a link.
    """
    text = "<br>".join(map(escape, lines))
    return f"<figure>{_shown(target)}<figcaption>{text}</figcaption></figure>"


def _shown(target: Path) -> str:
    name = f"<code>{escape(str(target))}</code>"
    if not target.is_file():
        return name  # a folder of pictures, a pipe, or a file that has been moved
    kind = {**_VIDEOS, **_PICTURES}.get(target.suffix.lower())
    if kind is None or target.stat().st_size > _LARGEST:
        return f'<a href="{quote(target.as_posix())}">{name}</a>'
    source = f"data:{kind};base64,{base64.b64encode(target.read_bytes()).decode()}"
    if kind.startswith("image/"):
        return f'<img src="{source}" alt="{escape(target.name)}" style="max-width:100%">'
    return f'<video src="{source}" controls loop muted playsinline style="max-width:100%"></video>'
