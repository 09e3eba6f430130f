"""Stream mapping: each stream of a source is copied, re-encoded, attached, or left out of the result."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from vidstyle.video.containers import Container
from vidstyle.video.streams.reencode import EncodedSound, EncodedText, is_text
from vidstyle.video.streams.stream_copy import (
    CopiedStream,
    CoverPicture,
    OutputStream,
    attach,
    takes,
)

if TYPE_CHECKING:
    from vidstyle.video.reading.joins import Packet

log = logging.getLogger(__name__)

# extension and MIME type of covers in Matroska, by codec
_COVERS = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png")}


def map_streams(
    source: InputContainer,
    video: VideoStream,
    first: Iterable[Packet],
    out: OutputContainer,
    container: Container,
) -> dict[int, OutputStream]:
    """Add a stream to ``out`` for each stream of ``source`` except ``video``; returns them by source index.

    Streams that ``container`` cannot hold are left out, with a warning. ``first`` are the first packets of
    the source, which include covers.
    """
    pictures = {
        packet.stream.index: bytes(packet)
        for packet in first
        if packet.stream.type == "video" and packet.stream is not video and packet.size
    }
    mapped = {}
    for stream in source.streams:
        if stream is not video:
            output = _mapped(stream, out, container, pictures.get(stream.index))
            if output is not None:
                mapped[stream.index] = output
    return mapped


def _mapped(
    stream: Stream, out: OutputContainer, container: Container, cover: bytes | None
) -> OutputStream | None:
    """The output stream for ``stream``; None if it is attached as a file (no packets follow) or left out."""
    kind = stream.type
    codec = stream.codec_context.name if stream.codec_context is not None else "unknown"
    if isinstance(stream, AttachmentStream) and container.has_attachments:
        attach(stream, out, "attachment", stream.mimetype or "application/octet-stream", stream.data)
        return None
    if kind == "video":
        if cover is not None and codec in _COVERS and container.has_attachments:
            attach(stream, out, f"cover.{_COVERS[codec][0]}", _COVERS[codec][1], cover)
            return None
        if cover is not None and stream.disposition & Disposition.attached_pic and container.is_mov:
            return CoverPicture(stream, out, container)
    if kind in ("audio", "subtitle") and takes(container, stream):
        return CopiedStream(stream, out, container)
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        sound = EncodedSound(stream, out, container)
        log.warning(
            "%s cannot hold %s: sound stream %d is encoded anew as %s",
            container.format,
            codec,
            stream.index,
            sound.codec,
        )
        return sound
    if isinstance(stream, SubtitleStream) and container.text_encoder and is_text(stream):
        return EncodedText(stream, out, container)
    if kind == "data":  # QuickTime's chapters, timecode, a phone's sensor data
        log.info("left out data stream %d", stream.index)
    else:
        log.warning(
            "left out %s stream %d (%s): %s cannot hold it", kind, stream.index, codec, container.format
        )
    return None
