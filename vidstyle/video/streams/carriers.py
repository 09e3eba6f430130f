"""What carries each stream of a source into a result: copied, encoded anew, attached, or left out."""

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
    CarriedStream,
    CopiedStream,
    CoverPicture,
    attach,
    takes,
)

if TYPE_CHECKING:
    from vidstyle.video.reading.joins import Packet

log = logging.getLogger(__name__)

# how covers are called in Matroska
_COVERS = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png")}


def choose_carriers(
    source: InputContainer,
    video: VideoStream,
    first: Iterable[Packet],
    out: OutputContainer,
    container: Container,
) -> dict[int, CarriedStream]:
    """What carries each stream beside ``video`` into ``out``, by its number in ``source``.

    ``first`` are the packets that the source begins with, covers among them.
    """
    pictures = {
        packet.stream.index: bytes(packet)
        for packet in first
        if packet.stream.type == "video" and packet.stream is not video and packet.size
    }
    carriers = {}
    for stream in source.streams:
        if stream is not video:
            carrier = _carrier(stream, out, container, pictures.get(stream.index))
            if carrier is not None:
                carriers[stream.index] = carrier
    return carriers


def _carrier(
    stream: Stream, out: OutputContainer, container: Container, cover: bytes | None
) -> CarriedStream | None:
    """What carries a stream over, or None if nothing does or nothing is left to carry."""
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
    if kind == "data":  # QuickTime's chapters, timecode, a phone's sensors: nothing that is seen or heard
        log.info("left out data stream %d", stream.index)
    else:
        log.warning(
            "left out %s stream %d (%s): %s cannot hold it", kind, stream.index, codec, container.format
        )
    return None
