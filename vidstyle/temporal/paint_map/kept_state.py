"""The paint map's state as tensors by name, and back."""

from __future__ import annotations

from torch import Tensor

from vidstyle.named_tensors import Tensors
from vidstyle.temporal.backends.base import Picture, Plane, Raster
from vidstyle.temporal.paint_map.state import State

_PLANES = ("u", "v", "slot", "provisional", "fit", "is_new", "recent_motion", "repaint_rate")
_DIFFERENCES = ("tone", "tone_target")
_TUPLES = ("jacobian", "motion")  # planes


def state_tensors(raster: Raster[Plane, Picture], state: State[Plane, Picture]) -> dict[str, Tensor]:
    """Copies, on the CPU, of all in ``state`` but what follows from its content."""
    kept = {name: raster.as_tensor(getattr(state, name)) for name in ("content", *_PLANES, *_DIFFERENCES)}
    for name in _TUPLES:
        planes = getattr(state, name) or ()  # there is no motion before the second frame
        kept |= {f"{name}{place}": raster.as_tensor(plane) for place, plane in enumerate(planes)}
    return kept


def restore_state(raster: Raster[Plane, Picture], state: State[Plane, Picture], tensors: Tensors) -> None:
    """Set all in ``state``, that of a first frame of the same content, to what ``tensors`` hold.

    Raises ``KeyError`` if something is missing.
    """
    for name in _PLANES:
        setattr(state, name, raster.plane(tensors[name]))
    for name in _DIFFERENCES:
        setattr(state, name, raster.picture(tensors[name]))
    a, b, c, d = (raster.plane(tensors[f"jacobian{place}"]) for place in range(4))
    state.jacobian = a, b, c, d
    if "motion0" in tensors:
        state.motion = raster.plane(tensors["motion0"]), raster.plane(tensors["motion1"])
