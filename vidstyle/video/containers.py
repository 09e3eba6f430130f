"""Kinds of files, by extension: what FFmpeg calls them and which codec they hold by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file."""

    format: str
    """FFmpeg's name of it."""
    codec: str
    """What it holds if nothing else is asked for."""

    @property
    def is_mov(self) -> bool:
        """Of the MP4 and QuickTime family, with its edit lists and tags."""
        return self.format in ("mp4", "mov")

    @property
    def is_matroska(self) -> bool:
        return self.format in ("matroska", "webm")

    @property
    def is_animation(self) -> bool:
        """One picture that moves: no sound, no streams."""
        return self.format in ("gif", "apng", "webp")


CONTAINERS: Mapping[str, Container] = {
    ".mp4": Container("mp4", "h264"),
    ".m4v": Container("mp4", "h264"),
    ".mov": Container("mov", "h264"),
    ".mkv": Container("matroska", "h264"),
    ".webm": Container("webm", "vp9"),
    ".gif": Container("gif", "gif"),
    ".apng": Container("apng", "apng"),
    ".png": Container("apng", "apng"),
    ".webp": Container("webp", "webp"),
}
FOLDER = Container("folder", "png")
