"""The addresses at which the page sends layers and brushed masks, and fetches those of other frames."""

from __future__ import annotations

import asyncio
import zlib
from fractions import Fraction

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from vidstyle.errors import InputError, OptionError
from vidstyle.server.answers import answering, body_of, message_of
from vidstyle.server.mask_clips import Values
from vidstyle.server.masks import LAYERS
from vidstyle.server.session import Clip, Session
from vidstyle.server.settings import layers_of
from vidstyle.server.stills import SHOWN_WIDTH, moment_of, shown_size

_LONGEST = 10_000_000  # bytes of a packed mask
_LONGEST_TAB = 40  # characters by which a tab of the page is known


def mask_routes(session: Session) -> list[Route]:
    """The routes of masks; see ``_MaskApi`` for what each takes and gives."""
    api = _MaskApi(session)
    return [
        Route("/api/clips/{clip}/mask", answering(session, api.put), methods=["POST"]),
        Route("/api/clips/{clip}/mask", answering(session, api.remove), methods=["DELETE"]),
        Route("/api/clips/{clip}/mask", answering(session, api.get)),
        Route("/api/clips/{clip}/mask-clip", answering(session, api.clip)),
        Route("/api/clips/{clip}/layers", answering(session, api.set_layers), methods=["POST"]),
        Route("/api/clips/{clip}/remove-layer", answering(session, api.remove_layer), methods=["POST"]),
    ]


class _MaskApi:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, request: Request) -> Response:
        """Take a mask of the frame at ``time``: width x height bytes, packed by zlib, 255 is painted.

        ``tab`` says which tab of the page sends it, so that the others know that theirs is older.
        """
        clip, layer, time = self._place(request)
        width, height = shown_size(clip.info, SHOWN_WIDTH)
        given = request.query_params.get("width"), request.query_params.get("height")
        if given != (str(width), str(height)):
            raise OptionError(f"a mask of {clip.name} has {width} x {height} px, got {given[0]} x {given[1]}")
        values = _unpacked(await body_of(request, _LONGEST), width, height)
        is_over = request.query_params.get("over") == "1"
        tab = request.query_params.get("tab", "")[:_LONGEST_TAB]
        self._session.masks.put(clip.id, clip.info, layer, time, values, is_over=is_over, tab=tab)
        return Response(status_code=204)

    async def remove(self, request: Request) -> Response:
        """Forget what was brushed on the frame at ``time``."""
        clip, layer, time = self._place(request)
        self._session.masks.remove(clip.id, layer, time)
        return Response(status_code=204)

    async def get(self, request: Request) -> Response:
        """The mask of the frame at ``time``, brushed or carried, packed as for ``put``; 204: none.

        The header ``x-brushed`` says that it was brushed.
        """
        clip, layer, time = self._place(request)
        values = self._session.masks.at(clip.id, layer, time)
        if values is None:
            return Response(status_code=204)
        height, width = values.shape
        headers = {"x-size": f"{width}x{height}", "cache-control": "no-store"}
        if self._session.masks.is_brushed(clip.id, layer, time):
            headers["x-brushed"] = "1"
        body = zlib.compress(values.tobytes(), 1)
        return Response(body, media_type="application/octet-stream", headers=headers)

    async def clip(self, request: Request) -> Response:
        """The masks of all frames as a lossless clip, which ``--mask`` takes."""
        clip = self._session.clip(request.path_params["clip"])
        layer = _layer_of(request)
        work = self._session.masks.written
        path = await asyncio.get_running_loop().run_in_executor(None, work, clip.id, layer)
        if path is None:
            raise InputError("nothing is brushed yet, so there is no mask; choose the brush first")
        name = self._session.mask_name(clip, layer)
        return FileResponse(path, media_type="video/x-matroska", filename=name)

    async def set_layers(self, request: Request) -> Response:
        """Take the styles of the layers above the lowest one."""
        clip = self._session.clip(request.path_params["clip"])
        layers = (await message_of(request)).get("layers")
        self._session.known_styles(name for styles, _ in layers_of(layers) for name in styles)
        self._session.layers.put(clip.id, layers)
        return JSONResponse({"version": self._session.layers.version})

    async def remove_layer(self, request: Request) -> Response:
        """Forget a layer and its masks; those above it move down."""
        clip, layer = self._session.clip(request.path_params["clip"]), _layer_of(request)
        if layer == 0:
            raise OptionError("the lowest layer cannot be removed; brush it away instead")
        self._session.masks.remove_layer(clip.id, layer)
        self._session.layers.remove(clip.id, layer)
        return JSONResponse({"version": self._session.layers.version})

    def _place(self, request: Request) -> tuple[Clip, int, Fraction]:
        """The clip, the layer and the time (s) that a request is about."""
        clip = self._session.clip(request.path_params["clip"])
        return clip, _layer_of(request), moment_of(request.query_params.get("time"))


def _layer_of(request: Request) -> int:
    raw = request.query_params.get("layer", "0")
    if raw not in map(str, range(LAYERS)):
        raise OptionError(f"a layer must be a number from 0 to {LAYERS - 1}, got {raw!r}")
    return int(raw)


def _unpacked(data: bytes, width: int, height: int) -> Values:
    """The bytes of a mask; raises ``OptionError`` unless they are ``width`` x ``height``."""
    size = width * height
    try:
        unpacker = zlib.decompressobj()
        values = unpacker.decompress(data, size + 1)  # no more, whatever the bytes promise
    except zlib.error as error:
        raise OptionError(f"the mask cannot be unpacked: {error}") from None
    if len(values) != size:
        raise OptionError(f"a mask of {width} x {height} px has {size} bytes, got {len(values)}")
    return np.frombuffer(values, np.uint8).reshape(height, width)
