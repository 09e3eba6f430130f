"""What the reader must know of FFmpeg's demuxers, by their names."""

from __future__ import annotations

from dataclasses import dataclass

from av.container import Container


@dataclass(frozen=True, slots=True)
class Demuxer:
    """What is special about the files of one demuxer."""

    is_picture: bool = False
    """A picture or an animation, which Pillow decodes."""
    is_text: bool = False
    """Plain text, which FFmpeg renders as video."""
    has_decoding_times_only: bool = False
    """Stores decoding times (DTS) only: the PTS that FFmpeg derives are often wrong.

    Decoders output pictures in presentation order, so the sorted DTS are the right PTS.
    """
    may_be_joined: bool = False
    """Files can be concatenated byte by byte, so that one file may have several clocks."""
    has_stream_durations: bool = False
    """The header has the duration of each stream; other headers have that of the whole file."""
    has_frame_counts: bool = False
    """The header has the number of frames, while FFmpeg shortens the duration of a truncated file."""
    has_cropping: bool = False
    """The header may ask for cropping, which FFmpeg does not apply."""


_OTHER = Demuxer()
_PICTURE = Demuxer(is_picture=True)
_JOINABLE = Demuxer(may_be_joined=True)
_DEMUXERS = {
    **dict.fromkeys(("image2", "gif", "apng", "webp_anim"), _PICTURE),
    "tty": Demuxer(is_text=True),
    **dict.fromkeys(("mpegts", "mpeg", "flv"), _JOINABLE),
    "avi": Demuxer(has_decoding_times_only=True, has_stream_durations=True, has_frame_counts=True),
    **dict.fromkeys(("asf", "ogg"), Demuxer(has_decoding_times_only=True)),
    **dict.fromkeys(("mov,mp4,m4a,3gp,3g2,mj2", "mxf"), Demuxer(has_stream_durations=True)),
    "matroska,webm": Demuxer(has_cropping=True),
}


def demuxer_of(container: Container) -> Demuxer:
    """What is special about the files of the demuxer that reads ``container``."""
    name = container.format.name
    return _PICTURE if name.endswith("_pipe") else _DEMUXERS.get(name, _OTHER)
