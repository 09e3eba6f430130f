"""Results without sound: a folder of PNG pictures, and pictures that move (GIF, APNG, WebP)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.encoding import EncodedFile
from vidstyle.video.picture import PictureFormat
from vidstyle.video.target import Plan

log = logging.getLogger(__name__)


class PictureFolder:
    """Numbered PNG pictures: 000001.png and so on, 8 or 16 bits, with alpha where the frames have it."""

    def __init__(self, path: Path, form: PictureFormat, like: VideoInfo) -> None:
        self._path, self._form = path, form
        self._scaler = VideoReformatter()
        self._aspect = like.pixel_aspect
        self._encoder: Any = None
        self._count = 0
        self._step: Any = None
        self._is_uneven = False
        path.mkdir(exist_ok=True)
        for left in path.iterdir():  # of a run that was killed
            left.unlink()

    def write(self, frame: Frame) -> None:
        picture = self._form.picture(frame, self._scaler)
        context: Any = av.CodecContext.create("png", "w")
        context.width, context.height = self._form.size
        context.pix_fmt = self._form.name
        context.time_base = 1
        context.thread_count = 1
        context.options = {"compression_level": "3"}
        if self._aspect != 1:
            context.sample_aspect_ratio = self._aspect.limit_denominator(65535)
        self._count += 1
        data = b"".join(bytes(packet) for packet in (*context.encode(picture), *context.encode(None)))
        (self._path / f"{self._count:06d}.png").write_bytes(data)
        if self._step is not None and frame.duration != self._step:
            self._is_uneven = True
        self._step = frame.duration

    def finish(self) -> None:
        if self._is_uneven:
            log.warning("the pictures are shown for different times, which a folder cannot say")

    def abort(self) -> None:
        """Nothing is open between pictures."""


class Animation(EncodedFile):
    def __init__(
        self,
        path: Path,
        plan: Plan,
        form: PictureFormat,
        first: Frame,
        *,
        like: VideoInfo,
        options: WriteOptions,
    ) -> None:
        super().__init__(path, plan, form, first, like=like, source=None, options=options, tags={})
