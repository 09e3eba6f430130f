"""The state of a stream of painted frames after one of them, in a file from which another run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from vidstyle._version import __version__
from vidstyle.atomic_write import write_atomically
from vidstyle.errors import InputError, OptionError, OutputError
from vidstyle.flow.base import Array
from vidstyle.frames import Frame, Pixels
from vidstyle.named_tensors import Tensors, as_fraction, fraction, grouped, in_group
from vidstyle.temporal.base import ClipFrame

Facts = Mapping[str, str]
"""What a state depends on, by name: engine, options, weights."""

_FORMAT = "vidstyle stream state"


@dataclass(frozen=True, slots=True, eq=False)
class StreamState:
    """All that a stream remembers after a frame; with it the frames after that are painted alike."""

    last: Frame
    """The clip's frame."""
    motion: tuple[Array, Array] | None
    """The motion that was estimated last, x and y (h, w) in px; None: there was none."""
    loop: Tensors
    """Of ``temporal.loop.LoopState``."""
    painter: Tensors
    """Of ``ClipPainter``."""

    @classmethod
    def of(cls, last: ClipFrame, loop: Tensors, painter: Tensors) -> Self:
        """The state after the frame ``last``."""
        return cls(last.frame, None if last.motion is None else last.motion.latest, loop, painter)

    def tensors(self) -> dict[str, Tensor]:
        """All of it, by name."""
        times = {"time": as_fraction(self.last.time), "duration": as_fraction(self.last.duration)}
        arrays = {
            "pixels": self.last.pixels,
            **{f"motion{place}": plane for place, plane in enumerate(self.motion or ())},
        }
        last = {**times, **{name: torch.from_numpy(values.copy()) for name, values in arrays.items()}}
        return {**grouped("last", last), **grouped("loop", self.loop), **grouped("painter", self.painter)}

    @classmethod
    def from_tensors(cls, tensors: Tensors) -> Self:
        """The state whose ``tensors()`` these are; raises ``KeyError`` if one is missing."""
        last = in_group("last", tensors)
        pixels: Pixels = last["pixels"].numpy()
        motion = (last["motion0"].numpy(), last["motion1"].numpy()) if "motion0" in last else None
        frame = Frame(pixels, fraction(last["time"]), fraction(last["duration"]))
        return cls(frame, motion, in_group("loop", tensors), in_group("painter", tensors))


def save_state(path: Path, state: StreamState, facts: Facts) -> None:
    """Write ``state`` and the ``facts`` that it depends on; the file appears when it is complete.

    Raises ``OutputError`` if it cannot be written.
    """
    # one entry, as the order of several is not fixed and equal states have equal files
    metadata = {_FORMAT: json.dumps({"version": __version__, **facts}, ensure_ascii=False)}
    try:
        # not save_file, whose own hidden file has other permissions, and remains if the process is killed
        write_atomically(path, save(state.tensors(), metadata), is_synced=True)
    except OSError as error:
        raise OutputError(f"the state could not be written to {path}: {error.strerror or error}") from error


def load_state(path: Path, facts: Facts) -> StreamState:
    """The state in a file that was saved with the same ``facts``, by the same version of vidstyle.

    Raises ``InputError`` for a file that is no state, and ``OptionError`` where facts differ, by name.
    """
    try:
        with safe_open(path, "pt") as file:
            kept = json.loads((file.metadata() or {}).get(_FORMAT, "{}"))
        tensors = load(path.read_bytes())  # not parts of the mapped file, which the last of them would hold
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path} cannot be read as the state of a stream: {getattr(error, 'strerror', None) or error}"
        ) from error
    if not kept:
        raise InputError(f"{path} is not the state of a stream; give a file that save_state has written")
    for name, value in {"version": __version__, **facts}.items():
        if kept.get(name) != value:
            raise OptionError(
                f"{path} was saved with {name} = {kept.get(name, 'none')}, and now it is {value}: "
                "a stream goes on with what it began with"
            )
    try:
        return StreamState.from_tensors(tensors)
    except KeyError as error:
        raise InputError(f"{path} is not whole: {error} is missing in the state of a stream") from error


def content_hash(contents: Iterable[Pixels | Path]) -> str:
    """A hash of pictures, and of files."""
    digest = hashlib.sha256()
    for content in contents:
        if isinstance(content, Path):
            digest.update(content.read_bytes())
        else:
            digest.update(repr((content.shape, str(content.dtype))).encode())
            digest.update(content.tobytes())
    return digest.hexdigest()
