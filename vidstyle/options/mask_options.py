"""The option record of carried masks."""

from __future__ import annotations

from dataclasses import dataclass

from vidstyle.options.checked_fields import Checked, option, part
from vidstyle.options.converters import as_number, as_switch
from vidstyle.registry import FLOWS


@dataclass(frozen=True, slots=True)
class MaskOptions(Checked):
    """How masks are carried."""

    elsewhere: float = option(
        0.0,
        "the mask of shots in which no frame has one: 0 keeps the clip there, 1 paints",
        low=0,
        high=1,
        metavar="X",
        parse=as_number,
    )
    flow: str | object = part("auto", "motion, by name", FLOWS, special=("auto",))
    overwrite: bool = option(False, "replace an existing result", parse=as_switch)
