"""Opening a video file and choosing its video stream, with a one-line error for each cause of failure."""

from __future__ import annotations

import logging
import re
from functools import cache
from pathlib import Path

import av
import av.error
from av.codec import Codec
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from vidstyle.errors import InputError
from vidstyle.video.reading.demuxers import demuxer_of
from vidstyle.video.reading.pipes import PipeReader, check_interruption, is_pipe

log = logging.getLogger(__name__)

_NOT_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def open_video(path: Path, hwaccel: str = "none") -> tuple[InputContainer, VideoStream]:
    """Open ``path`` and choose its video stream; the caller closes the container.

    ``hwaccel`` is as in ``ReadOptions``; what the device does not decode is decoded on the CPU.

    Raises:
        InputError: missing, empty, unreadable, truncated before its index, or without a video stream.
    """
    container = open_container(path, hwaccel)
    try:
        stream = _choose_stream(path, container)
    except BaseException:
        container.close()
        raise
    return container, stream


def open_container(path: Path, hwaccel: str = "none") -> InputContainer:
    """Open any file that FFmpeg can read; the caller closes it. Raises ``InputError``."""
    check_file(path)
    device = _hardware(hwaccel)

    def name() -> PipeReader | str:
        # absolute: in a relative name FFmpeg takes what precedes a colon for a protocol
        return PipeReader(path) if is_pipe(path) else str(path.absolute())

    try:
        try:
            container = av.open(name(), "r", hwaccel=device)
        except UnicodeDecodeError:  # tags of an old file, not in the UTF-8 that PyAV expects
            container = av.open(name(), "r", metadata_encoding="latin-1", hwaccel=device)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        check_interruption(path)
        raise InputError(_opening_error(path, error)) from error
    check_interruption(path)
    return container


@cache  # tried, and told, once
def _hardware(name: str) -> HWAccel | None:
    """The device ``name`` for FFmpeg's decoders; None, with a warning, if it does not open here."""
    problem = None if name == "none" else hardware_problem(name)
    if problem is not None:
        log.warning("--hwaccel %s is left out: %s; videos are decoded on the CPU", name, problem)
    return None if name == "none" or problem else HWAccel(name, allow_software_fallback=True)


def hardware_problem(name: str) -> str | None:
    """Why FFmpeg's decoders on the device ``name`` do not open here; None if they do."""
    try:
        HWAccel(name).create(Codec("h264", "r"))
    except NotImplementedError:
        return "this FFmpeg has no such decoders"
    except (av.error.FFmpegError, OSError, ValueError) as error:
        return f"it does not open here ({reason(error)})"
    return None


def check_file(path: Path) -> None:
    """Raise ``InputError`` unless ``path`` is a readable file that is not empty, or a pipe."""
    try:
        if is_pipe(path):
            return
        if not path.exists():
            if re.match(r"[a-z][a-z0-9+.-]+:/", str(path), re.I):  # not C:/
                raise InputError(f"{path} is an address, not a file; download it first, then give the file")
            folder = path.parent
            more = "" if folder.is_dir() else f" (there is no folder {folder})"
            raise InputError(f"no such file: {path}{more}; check the name")
        if path.is_file() and path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes); copy or record it again")
        if path.is_file():
            with path.open("rb"):
                pass
    except PermissionError as error:
        raise InputError(f"{path} may not be read; change its permissions") from error
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        raise InputError(f"{str(path)!r} cannot be opened: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """FFmpeg's message of an error, without number and path."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).split(":")[0].strip() or type(error).__name__


def _opening_error(path: Path, error: Exception) -> str:
    if is_pipe(path):  # a PermissionError too: FFmpeg's error for formats that need seeking, such as APNG
        return (
            f"what comes through {path} cannot be read as a video ({reason(error)}); "
            "send NUT, y4m, MPEG-TS or Matroska, or save it as a file first"
        )
    if isinstance(error, PermissionError):
        return f"{path} may not be read; change its permissions"
    if _lacks_index(path):
        return (
            f"{path} has no index (moov box): its recording or download was cut off; "
            "copy it again, or repair it (for example with untrunc)"
        )
    if isinstance(error, av.error.InvalidDataError):
        return f"{path} is not a video that can be read; give a video, an animation or a folder of pictures"
    return f"{path} cannot be opened: {reason(error)}"


def is_cut_off(path: Path) -> bool:
    """Whether a Matroska or WebM file is truncated: shorter than its Segment's size."""
    if is_pipe(path):
        return False
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1024)
    segment = head.find(b"\x18\x53\x80\x67")  # EBML identifier of the Segment, which spans the whole file
    if not head.startswith(b"\x1a\x45\xdf\xa3") or segment < 0:
        return False
    first = head[segment + 4]
    width = 9 - first.bit_length()  # leading zeros of a variable-length integer give its length
    if not 1 <= width <= 8:
        return False
    value = int.from_bytes(head[segment + 4 : segment + 4 + width], "big") & ((1 << 7 * width) - 1)
    is_known = value != (1 << 7 * width) - 1
    return is_known and segment + 4 + width + value > size


def _lacks_index(path: Path) -> bool:
    """Whether this is an MP4 or QuickTime file, by its first box, without a ``moov`` box."""
    size = path.stat().st_size
    position = 0
    kinds: list[bytes] = []
    with path.open("rb") as file:
        while position + 8 <= size and len(kinds) < 1000:
            file.seek(position)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            kinds.append(head[4:8])
            if length == 1:  # a 64-bit length follows
                length = int.from_bytes(head[8:16], "big")
            if length < 8:  # 0: up to the end of the file
                break
            position += length
    return bool(kinds) and kinds[0] in (b"ftyp", b"mdat", b"wide", b"free", b"skip") and b"moov" not in kinds


def _choose_stream(path: Path, container: InputContainer) -> VideoStream:
    demuxer = demuxer_of(container)
    if demuxer.is_picture:
        if is_pipe(path):
            raise InputError(
                f"what comes through {path} is a picture or an animation, which cannot be read from a pipe; "
                "save it as a file first"
            )
        raise InputError(f"{path} is a single picture, not a clip; paint it with `vidstyle image`")
    if demuxer.is_text:
        raise InputError(f"{path} is a text file; give a video, an animation or a folder of pictures")
    streams = [stream for stream in container.streams.video if not stream.disposition & _NOT_VIDEO]
    if not streams:
        what = "only a cover picture" if container.streams.video else "no pictures"
        sound = "sound but " if container.streams.audio else ""
        raise InputError(f"{path} has {sound}{what}; give a file with video")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        raise InputError(f"{path} holds video in a codec that this FFmpeg cannot decode; convert it first")
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all  # the demuxer skips their packets
    return stream
