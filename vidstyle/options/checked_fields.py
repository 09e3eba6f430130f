"""Options as fields of dataclasses: each has its help, choices and range, and checks its values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import Field, field, fields
from typing import Any

from vidstyle.errors import OptionError, UnknownName, suggestion
from vidstyle.registry import Registry


def option(
    default: Any,
    help: str,
    *,
    choices: Collection[str] | None = None,
    low: float | None = None,
    high: float | None = None,
    metavar: str | None = None,
    parse: Callable[[Any], Any] | None = None,
) -> Any:
    """A dataclass field with help, choices and range; ``low`` and ``high`` are inclusive.

    ``parse`` converts a given value (text or Python object); its ``ValueError`` describes the expected one.
    """
    shown = {"help": help, "choices": choices, "low": low, "high": high, "metavar": metavar, "parse": parse}
    return field(default=default, metadata=shown)


class PartChoices(Collection[str]):
    """The choices that help lists for a part, installed ones too. Others are accepted: see ``as_part``.

    They are looked up when they are listed, which imports no part.
    """

    __slots__ = ("_registry", "_words")

    def __init__(self, registry: Registry, words: tuple[str, ...]) -> None:
        self._registry = registry
        self._words = words

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._words[:1], *self._registry, *self._words[1:])))

    def __len__(self) -> int:
        return len(tuple(iter(self)))

    def __bool__(self) -> bool:
        return True

    def __contains__(self, given: object) -> bool:
        return True


def part(default: str, help: str, registry: Registry, *, words: tuple[str, ...] = ()) -> Any:
    """A part: a name in ``registry``, one of ``words``, "package.module:Attribute" or an object."""
    return option(
        default,
        f'{help}; a name, or "package.module:Attribute"',
        choices=PartChoices(registry, words),
        parse=lambda given: as_part(given, registry, words),
    )


def as_part(given: object, registry: Registry, words: tuple[str, ...] = ()) -> Any:
    """A part's name, checked but not imported (raises ``UnknownName``); an object is returned unchanged."""
    if not isinstance(given, str):
        return given
    name = given.strip()
    if name in words:
        return name
    try:
        return registry.check(name)
    except UnknownName as error:
        raise UnknownName(registry.kind, name, {*words, *error.known}) from None


class Checked:
    """Converts and checks all fields when a record is created; raises ``OptionError``."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, item.name, value_of(item, getattr(self, item.name)))


def value_of(item: Field[Any], given: Any) -> Any:
    """The value of one option ``item`` from what was ``given``: converted and checked, or ``OptionError``."""
    if given is None:
        return None
    word = "--" + item.name.replace("_", "-")
    parse, choices, low, high = (item.metadata.get(key) for key in ("parse", "choices", "low", "high"))
    try:
        value = given if parse is None else parse(given)
    except OptionError:
        raise  # says itself what there is
    except (TypeError, ValueError, ArithmeticError) as error:
        raise OptionError(f"{word} must be {error}, got {given!r}") from None
    if choices and value not in choices:
        raise OptionError(f"{word} cannot be {value!r}; {suggestion(str(value), choices)}")
    if low is not None or high is not None:
        _check_range(word, value, low, high)
    return value


def _check_range(word: str, value: Any, low: float | None, high: float | None) -> None:
    expected = (
        f"from {low} to {high}"
        if None not in (low, high)
        else f"{low} or more"
        if high is None
        else f"{high} or less"
    )
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise OptionError(f"{word} must be a number {expected}, got {value!r}") from None
    if not ((low is None or number >= low) and (high is None or number <= high)):  # false for NaN too
        raise OptionError(f"{word} must be {expected}, got {value}")
