"""What is set on the page: styles with weights, and options, described by and checked against the records."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from vidstyle.engines.base import info_of
from vidstyle.errors import OptionError, suggestion
from vidstyle.options import PaintOptions, SteadyOptions, value_of
from vidstyle.registry import ENGINES
from vidstyle.server.stills import time_of
from vidstyle.server.style_dots import Dot, styles_at

if TYPE_CHECKING:
    from vidstyle.options.keywords import FrameKeywords

NAMES = ("quality", "engine", "strength", "detail", "stability", "preserve_color", "working_size")
"""The options that the page offers, in its order. None of them names a file or imports code."""
_TITLES = {"preserve_color": "Keep colours", "working_size": "Working size"}
_MOST_STYLES = 32
_MOST_DOTS = 200
_MOST_LAYERS = 7


@dataclass(frozen=True, slots=True)
class Mixture:
    """Styles that are mixed."""

    styles: tuple[str, ...]
    """Identifiers of the session's styles, at least one."""
    weights: tuple[float, ...] = ()
    """One for each style; empty: equal."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A checked choice of styles and options."""

    styles: tuple[str, ...]
    """Identifiers of the session's styles, at least one."""
    weights: tuple[float, ...] = ()
    """One for each style; empty: equal."""
    options: tuple[tuple[str, object], ...] = ()
    """Those that differ from the defaults, in the order of ``NAMES``."""
    track: tuple[Dot, ...] = ()
    """Styles over time, instead of weights; empty: the same at all times."""

    layers: tuple[Mixture, ...] = ()
    """The styles of the layers above, each painted where its mask is white."""

    def at(self, time: Fraction) -> tuple[Settings, ...]:
        """For each layer, the lowest first, the settings of the frame at ``time`` (s) as a still picture."""
        lowest = Mixture(self.styles, self.weights)
        if self.track:
            styles, weights = styles_at(self.track, time)
            lowest = Mixture(styles, () if len(styles) == 1 else weights)
        return tuple(Settings(each.styles, each.weights, self.options) for each in (lowest, *self.layers))

    @property
    def keywords(self) -> FrameKeywords:
        """The options and weights as keywords of the library."""
        given: dict[str, object] = dict(self.options)
        if self.weights:
            given["style_weights"] = self.weights
        return cast("FrameKeywords", given)


def settings_of(message: object) -> Settings:
    """The settings in a ``message`` of the page: ``{"styles": [{"id", "weight"}], "options": {}}``,
    and ``"track": [{"time", "styles"}]`` for styles over time.

    Raises ``OptionError`` for anything else: invalid values, and options that the page does not offer.
    """
    if not isinstance(message, dict) or not isinstance(message.get("options"), dict):
        raise OptionError("the settings must be an object with styles and options")
    dots = _dots_of(message.get("track", []))
    styles, weights = _styles_of(message.get("styles"))
    if dots:
        styles, weights = tuple(dict.fromkeys(name for dot in dots for name in dot.styles)), ()
    given = cast("Mapping[str, object]", message["options"])
    items = _fields()
    for name in given:
        if name not in items:
            raise OptionError(f"the page has no option {name!r}; {suggestion(str(name), items)}")
    options = tuple((name, _checked(items[name], given[name])) for name in NAMES if name in given)
    changed = tuple((name, value) for name, value in options if value != items[name].default)
    layers = tuple(Mixture(names, _unequal(each)) for names, each in layers_of(message.get("layers", [])))
    return Settings(styles, _unequal(weights), changed, dots, layers)


def set_of(message: Mapping[str, object]) -> dict[str, object]:
    """What is set in a ``message`` that ``settings_of`` takes, as the page sends it, and nothing else."""

    def mixture(raw: object) -> list[dict[str, object]]:
        return [{"id": name, "weight": weight} for name, weight in zip(*_styles_of(raw), strict=True)]

    track = cast("list[dict[str, str | float]]", message.get("track", []))
    layers = cast("list[dict[str, object]]", message.get("layers", []))
    return {
        "styles": mixture(message["styles"]),
        "layers": [{"styles": mixture(each["styles"])} for each in layers],
        "options": message["options"],
        "track": [{"time": float(dot["time"]), "styles": mixture(dot["styles"])} for dot in track],
    }


def layers_of(raw: object) -> list[tuple[tuple[str, ...], tuple[float, ...]]]:
    """The styles and weights of the layers above in a message: ``[{"styles": [{"id", "weight"}]}]``.

    Raises ``OptionError`` for anything else.
    """
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        raise OptionError("the layers must be a list of objects with styles")
    if len(raw) > _MOST_LAYERS:
        raise OptionError(f"at most {_MOST_LAYERS} further layers can be painted, got {len(raw)}")
    layers = [_styles_of(each.get("styles")) for each in raw]
    if any(len(styles) > 1 for styles, _ in layers):
        raise OptionError("a layer above is painted in one style; mix styles in the lowest one")
    return layers


def command_of(
    clip: str, styles: Sequence[str], settings: Settings, files: Sequence[tuple[str, str]] = ()
) -> str:
    """The command line that does what the page does with ``settings``, for a POSIX shell.

    ``clip`` and ``styles`` are paths and names as they are to be written; ``files`` are flags
    with those of further options.
    """
    words = ["vidstyle", "run", _as_input(clip)]
    for style in styles if not settings.track else ():
        words += ["--style", _as_input(style)]
    for flag, file in files:
        words += [flag, _as_input(file)]
    if settings.weights:
        words += ["--style-weights", ",".join(f"{weight:g}" for weight in settings.weights)]
    for name, value in settings.options:
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def described_options() -> list[dict[str, object]]:
    """The options of the page for its form: kind, help, choices, range and default, from the records."""
    return [_described(name, item) for name, item in _fields().items()]


def _described(name: str, item: Field[object]) -> dict[str, object]:
    kind = (
        "switch"
        if item.default is False
        else "choice"
        if item.metadata["choices"]
        else "range"
        if item.metadata["high"] is not None
        else "number"
    )
    described = {
        "name": name,
        "title": _TITLES.get(name, name.capitalize()),
        "help": str(item.metadata["help"]).partition("; a name, or")[0],
        "kind": kind,
        "default": item.default,
        "low": item.metadata["low"],
        "high": item.metadata["high"],
    }
    if kind == "choice":
        named = _engines() if name == "engine" else dict.fromkeys(item.metadata["choices"], "")
        described["choices"] = [{"name": choice, "about": about} for choice, about in named.items()]
    return described


def _engines() -> dict[str, str]:
    """The engines that paint without further files, and what each is good for."""
    infos = {name: info_of(name) for name in ENGINES}
    return {
        name: "; ".join(filter(None, (info.good_for, info.cost and f"time: {info.cost}")))
        for name, info in infos.items()
        if info is not None and not info.needs_weights
    }


def _fields() -> dict[str, Field[object]]:
    items = {item.name: item for record in (SteadyOptions, PaintOptions) for item in fields(record)}
    return {name: items[name] for name in NAMES}


def _checked(item: Field[object], raw: object) -> object:
    # by name alone: "package.module:Attribute", which the command line takes, would import code
    if item.name == "engine" and raw is not None and str(raw) not in ENGINES:
        raise OptionError(f"no engine named {raw!r}; {suggestion(str(raw), ENGINES)}")
    return cast("object", value_of(item, raw))


def _styles_of(raw: object) -> tuple[tuple[str, ...], tuple[float, ...]]:
    if not isinstance(raw, list) or not raw:
        raise OptionError("choose a style first")
    if len(raw) > _MOST_STYLES:
        raise OptionError(f"at most {_MOST_STYLES} styles can be mixed, got {len(raw)}")
    names, weights = [], []
    for each in raw:
        if not isinstance(each, dict) or not isinstance(each.get("id"), str):
            raise OptionError("each style must be an object with id and weight")
        weight = each.get("weight", 1)
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= 1000:
            raise OptionError(f"a style's weight must be a number from 0 to 1000, got {weight!r}")
        names.append(each["id"])
        weights.append(float(weight))
    if not any(weights):
        raise OptionError("the weights of the styles are all 0; raise one of them")
    return tuple(names), tuple(weights)


def _dots_of(raw: object) -> tuple[Dot, ...]:
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        raise OptionError("the styles over time must be a list of objects with time and styles")
    if len(raw) > _MOST_DOTS:
        raise OptionError(f"at most {_MOST_DOTS} dots can be on the time line, got {len(raw)}")
    dots = [Dot(time_of(each.get("time")), *_styles_of(each.get("styles"))) for each in raw]
    return tuple(sorted(dots, key=lambda dot: dot.time))


def _unequal(weights: tuple[float, ...]) -> tuple[float, ...]:
    """``weights``; none if all are equal."""
    return () if len(set(weights)) <= 1 else weights


def _as_input(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name
