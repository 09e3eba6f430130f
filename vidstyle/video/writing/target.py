"""The target of a result: its default name, the checks before a run, and how it is written atomically."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vidstyle.atomic_write import check_overwrite
from vidstyle.derived_names import fitted, is_too_long, name_beside
from vidstyle.errors import OptionError, OutputError, suggestion
from vidstyle.file_lock import locked, unlock
from vidstyle.options import WriteOptions
from vidstyle.outputs import check_outputs
from vidstyle.video.containers import CONTAINERS, FOLDER, STREAMS, Container
from vidstyle.video.writing.codecs import CODECS, DEFAULT_CODEC, choose_encoder, codec_of, pixel_format_of
from vidstyle.video.writing.encoder_settings import tune
from vidstyle.video.writing.encoder_trial import encoder_threads, try_encoder
from vidstyle.video.writing.pipe_output import check_stream, is_stream, target_name


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """A checked target with its options, container and encoder: all that a ``Writer`` needs."""

    target: Path
    options: WriteOptions
    container: Container
    encoder: str
    """FFmpeg's name; it has been tested."""
    threads: int = field(default_factory=encoder_threads)
    """Threads of the encoder, on whose number the bytes of some depend."""

    @property
    def is_stream(self) -> bool:
        """Whether the result is written to a pipe."""
        return self.container in STREAMS.values()


def check_target(target: Path, options: WriteOptions, *inputs: Path) -> OutputPlan:
    """Check ``target`` and ``options`` before the first frame, and choose container and encoder.

    Raises:
        OptionError: an unknown codec, preset or encoder option, or an invalid quality.
        OutputError: the target exists, is one of the ``inputs``, has an unknown extension, or its folder is
            missing or cannot be written to; the container refuses the codec.
    """
    container = _container_of(target, options)
    encoder = choose_encoder(options.codec or container.codec)
    _check_match(target, container, encoder, options)
    pixel_format = pixel_format_of(encoder, preset=options.preset)
    tuning = tune(encoder, options, pixel_format)
    if container is not FOLDER and not container.is_animation:
        try:
            try_encoder(encoder, pixel_format, tuning, container.format)
        except OutputError as error:
            raise _refusal(target, encoder, str(error)) from None
    _check_place(target, container, options, inputs)
    return OutputPlan(target, options, container, encoder)


def default_target(source: Path, style_name: str, options: WriteOptions) -> Path:
    """The path ``<clip>_<style>`` beside the clip or folder ``source``.

    It has the source's extension if that suits the codec, otherwise the codec's default.

    Raises:
        UnknownName: there is no such codec.
    """
    codec = codec_of(options.codec or DEFAULT_CODEC)
    suffix = source.suffix.lower()
    extension = suffix if suffix in codec.containers and not source.is_dir() else codec.extension
    return name_beside(source, style_name, extension)


OnComplete = Callable[[Path], object]
"""Called with the hidden file or folder that is complete and about to become the target."""


class PartFile:
    """A file or folder that is written under a hidden name, and renamed to the target when it is complete.

    ``path`` is the hidden name, beside the target. ``claim`` comes first, then ``keep`` renames it, or
    ``discard`` removes it and ``release`` ends the claim. ``on_complete`` is called with the hidden name just
    before the renaming.
    """

    def __init__(self, target: Path, on_complete: OnComplete | None = None) -> None:
        self.target = target
        self._on_complete = on_complete
        self.path = target.with_name(fitted(f".{target.stem}", f".part{target.suffix}"))
        self._lock_path = target.with_name(fitted(f".{target.name}", ".lock"))
        self._lock: int | None = None

    def claim(self) -> None:
        """Lock the target until ``keep`` or ``release``; raises ``OutputError`` if another run writes it."""
        try:
            self._lock = locked(self._lock_path)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        if self._lock is None:
            raise OutputError(
                f"another run is writing {self.target}; wait for it, or give another name with --output"
            )

    def keep(self) -> None:
        """Replace the target by what was written, atomically; raises ``OutputError`` if that fails."""
        try:
            if not self.path.is_dir():
                _flush_to_disk(self.path)
            if self._on_complete is not None:
                self._on_complete(self.path)
            if self.path.is_dir():
                self._keep_folder()
            else:
                self.path.replace(self.target)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        self.release()

    def discard(self) -> None:
        """Remove what was written, if it was claimed; never raises."""
        if self._lock is None:  # it may be another run's
            return
        if self.path.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            try:
                self.path.unlink(missing_ok=True)
            except OSError:  # on Windows while it is open; the writer calls again after closing it
                return

    def release(self) -> None:
        """Give up the lock, if it is held; never raises."""
        if self._lock is not None:
            unlock(self._lock, self._lock_path)
            self._lock = None

    def _keep_folder(self) -> None:
        """Replace an older folder of pictures, which is restored if that fails."""
        old = self.target.with_name(fitted(f".{self.target.name}", ".old"))
        if self.target.exists():
            if old.exists():  # of a run that was killed while it removed this
                shutil.rmtree(old)
            self.target.replace(old)
        try:
            self.path.replace(self.target)
        except BaseException:
            if old.exists():
                old.replace(self.target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def check_unclaimed(target: Path) -> None:
    """Raise ``OutputError`` if another run writes ``target`` now, or nothing can be written there."""
    part = PartFile(target)
    part.claim()
    part.release()


def cannot_write(target: Path, error: OSError) -> OutputError:
    """The error for an ``OSError`` on writing ``target``, with advice."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return OutputError(
            f"cannot write {target}: the disk is full; make room or give another place with --output"
        )
    if error.errno == errno.EFBIG:
        return OutputError(f"cannot write {target}: the file grew larger than is allowed here")
    if error.errno == errno.EPIPE:
        return OutputError(f"the reader of {target_name(target)} has gone; it did not get the whole result")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OutputError(f"cannot write {target_name(target)}: {reason[:1].lower()}{reason[1:]}")


def cannot_encode(target: Path, encoder: str, error: Exception) -> OutputError:
    """The error for one of FFmpeg while ``encoder`` writes ``target``."""
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"cannot write {target}: {encoder} failed ({reason}); try another --codec")


def cannot_keep(path: Path, error: OSError) -> OutputError:
    """The error for an ``OSError`` on writing ``path``, a part of a long film that is painted in segments."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return OutputError(
            f"cannot write {path}: the disk is full; what is done is kept: make room, "
            "and give the same command again"
        )
    return cannot_write(path, error)


_PICTURE = re.compile(r"\d+\.png")


def _container_of(target: Path, options: WriteOptions) -> Container:
    if is_stream(target):
        return STREAMS[options.format or next(iter(STREAMS))]
    if options.format is not None:
        raise OptionError(
            "--format is for what goes through a pipe (--output -); "
            f"leave it out: the extension of {target.name} says what it is"
        )
    suffix = target.suffix.lower()
    wants_folder = options.codec is not None and codec_of(options.codec).is_folder
    if wants_folder and suffix not in CONTAINERS:
        return FOLDER
    if suffix in CONTAINERS:
        return CONTAINERS[suffix]
    if not suffix:
        raise OutputError(
            f"{target.name!r} has no extension to tell the kind of file by; "
            f"add one of {', '.join(CONTAINERS)}, or give --codec png for a folder of pictures"
        )
    raise OutputError(f"cannot write {suffix!r} files; {suggestion(suffix, CONTAINERS)}")


def _check_match(target: Path, container: Container, encoder: str, options: WriteOptions) -> None:
    codec = codec_of(encoder)
    if container.is_raw and codec.name != container.codec:
        raise _refusal(target, encoder, "raw pictures are not encoded")
    if container is FOLDER or not (container.is_animation or codec.is_picture):
        return
    if container.is_animation and codec.is_folder:
        raise OutputError(
            f"--codec {codec.name} makes a folder of pictures, but {target.name!r} is one file; "
            "leave the extension out, or leave --codec out for an animation"
        )
    if codec.name != container.codec:
        raise _refusal(target, encoder, "")


def _refusal(target: Path, encoder: str, reason: str) -> OutputError:
    codec = codec_of(encoder)
    name = codec.name
    why = f" ({reason})" if reason else ""
    if is_stream(target):
        return OutputError(
            f"{name} cannot be sent through a pipe as it is{why}; "
            "leave --codec out, or give h264 or ffv1 with --format nut"
        )
    suits = (", ".join(codec.containers) or "a folder") if name in CODECS else ".mkv"
    holds = [other.name for other in CODECS.values() if target.suffix.lower() in other.containers]
    hint = f"{name} goes into {suits}; {target.suffix} holds {', '.join(holds) or 'other codecs'}"
    return OutputError(f"{target.suffix} files cannot hold {name}{why}: {hint}")


def _check_place(target: Path, container: Container, options: WriteOptions, inputs: Iterable[Path]) -> None:
    parent = target.parent
    check_outputs([("--output", target)], inputs)
    if is_stream(target):
        check_stream(target)
        return
    if not parent.exists():
        raise OutputError(f"the folder {parent} does not exist; make it first, or choose another --output")
    if not parent.is_dir():
        raise OutputError(f"{parent} is not a folder; choose another --output")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"nothing may be written in the folder {parent}; choose another --output")
    if is_too_long(target.name):
        raise OutputError(f"the name {target.name[:40]!r}… is too long for a file; choose a shorter --output")
    if container is FOLDER:
        _check_folder(target, options)
    elif target.is_dir():
        raise OutputError(f"{target} is a folder; give the name of a file in --output")
    else:
        if target.exists() and not target.is_file():
            raise OutputError(f"{target} is not a file that can be replaced; choose another --output")
        check_overwrite(target, overwrite=options.overwrite)


def _check_folder(target: Path, options: WriteOptions) -> None:
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file, but --codec png makes a folder; choose another --output")
    if not target.exists() or not any(target.iterdir()):
        return
    if not options.overwrite:
        raise OutputError(f"the folder {target} is not empty; give --overwrite to replace its pictures")
    foreign = next((item for item in target.iterdir() if not _PICTURE.fullmatch(item.name)), None)
    if foreign is not None:  # --overwrite must never delete other files
        raise OutputError(
            f"the folder {target} holds more than numbered pictures ({foreign.name}); "
            "it is not replaced, choose another --output"
        )


def _flush_to_disk(path: Path) -> None:
    """Flush to disk: network disks and quotas report only then that they are full."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
