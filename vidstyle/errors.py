"""All errors that vidstyle raises on purpose.

    VidstyleError
      + InputError            a video or image that cannot be read
      + OutputError           a file that cannot be written; a codec the container refuses
      + OptionError           (also ValueError) a value that cannot be used
          - UnknownName       no engine, flow, codec or metric of this name
      + WeightsError
          - WeightsMissing    where we looked, and the command that gets or trains them
          - WeightsMismatch   checksum, keys or shapes differ
      + DeviceError           no such device; out of memory, with the size that was tried
      + TrainingError         a training run that cannot go on, with what it kept

Every message is one line: what was given, what was expected, what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VidstyleError(Exception):
    """The root: catch this to catch all that vidstyle raises on purpose."""


class InputError(VidstyleError):
    """A video or image that cannot be read."""


class OutputError(VidstyleError):
    """A file that cannot be written, or a codec that its container refuses."""


class OptionError(VidstyleError, ValueError):
    """An option's value that cannot be used."""


class UnknownName(OptionError):
    """No part of this name is registered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        super().__init__(f"no {kind} named {name!r}; {suggestion(name, names)}")
        self.kind, self.name, self.known = kind, name, names


class WeightsError(VidstyleError):
    """Weights that cannot be used."""


class WeightsMissing(WeightsError):
    """Weights that are not there; the message lists the folders searched and how to get them."""


class WeightsMismatch(WeightsError):
    """Weights whose checksum, keys or shapes are not those expected."""


class DeviceError(VidstyleError):
    """A device that is not there, or that ran out of memory."""


class TrainingError(VidstyleError):
    """A training run that cannot begin or go on; the message says what was kept."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """``did you mean 'adain'?`` where a known name is close, else the list of what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"
