"""The options of an adaptation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vidstyle import weights as files
from vidstyle.options import Checked, option
from vidstyle.options.converters import as_integer, as_number, as_path, as_switch

TUNED_ENGINES: Mapping[str, files.Weights] = {
    "wct-slim": files.WCT_SLIM,
    "wct-single-pass": files.WCT_SINGLE_PASS,
}
"""The engines whose weights can be tuned, of ``ENGINES``, and the weights that tuning begins with."""


def _minutes(value: object) -> float:
    try:
        minutes = as_number(value)
    except ValueError:
        minutes = 0.0
    if minutes <= 0:
        raise ValueError("a number of minutes above 0")
    return minutes


@dataclass(frozen=True, slots=True)
class AdaptOptions(Checked):
    """How long is learnt, where, and from which weights."""

    minutes: float = option(
        5.0,
        "how long it learns; reading and the sheet take seconds more",
        metavar="M",
        parse=_minutes,
    )
    steps: int | None = option(
        None,
        "learn for this many steps instead, with the same result each time",
        low=1,
        metavar="N",
        parse=as_integer,
    )
    engine: str | None = option(
        None,
        "the engine that is tuned (that of --weights if not given, else the default one)",
        choices=tuple(TUNED_ENGINES),
    )
    weights: Path | None = option(
        None,
        "weights of the engine to begin with, instead of the bundled ones",
        metavar="FILE",
        parse=as_path,
    )
    device: str = option("auto", "where to compute", choices=("auto", "cpu", "cuda", "mps"))
    overwrite: bool = option(False, "replace existing weights and their sheet", parse=as_switch)
