"""Options as dataclass fields with help, choices and range, which check their values."""

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

    ``parse`` converts text or a Python object; its ``ValueError`` describes the expected value.
    """
    metadata = {
        "help": help,
        "choices": choices,
        "low": low,
        "high": high,
        "metavar": metavar,
        "parse": parse,
    }
    return field(default=default, metadata=metadata)


class PartChoices(Collection[str]):
    """The names of parts that help texts list, including installed ones; every value is accepted here.

    ``as_part`` checks values. Listing imports no part.
    """

    __slots__ = ("_registry", "_special")

    def __init__(self, registry: Registry, special: tuple[str, ...]) -> None:
        self._registry = registry
        self._special = special

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._special[:1], *self._registry, *self._special[1:])))

    def __len__(self) -> int:
        return len(tuple(iter(self)))

    def __bool__(self) -> bool:
        return True

    def __contains__(self, value: object) -> bool:
        return True


def part(default: str | None, help: str, registry: Registry, *, special: tuple[str, ...] = ()) -> Any:
    """A field for a part: a name in ``registry``, "package.module:Attribute" or an object.

    ``special`` are names that stand for no part, such as "none"; help lists the first before the parts.
    """
    return option(
        default,
        f'{help}; a name, or "package.module:Attribute"',
        choices=PartChoices(registry, special),
        parse=lambda value: as_part(value, registry, special),
    )


def as_part(value: object, registry: Registry, special: tuple[str, ...] = ()) -> Any:
    """``value`` if it is an object; a name is checked without importing the part (``UnknownName``)."""
    if not isinstance(value, str):
        return value
    name = value.strip()
    if name in special:
        return name
    try:
        return registry.check(name)
    except UnknownName as error:
        raise UnknownName(registry.kind, name, {*special, *error.known}) from None


class Checked:
    """Converts and checks all fields when a record is created; raises ``OptionError``."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, item.name, value_of(item, getattr(self, item.name)))


def value_of(item: Field[Any], raw: Any) -> Any:
    """The value of the option ``item`` from a ``raw`` one: converted and checked; raises ``OptionError``."""
    flag = "--" + item.name.replace("_", "-")
    if raw is None:
        if item.default is not None:
            raise OptionError(f"{flag} cannot be None; leave it out for {item.default!r}")
        return None
    parse, choices, low, high = (item.metadata.get(key) for key in ("parse", "choices", "low", "high"))
    try:
        value = raw if parse is None else parse(raw)
    except OptionError:
        raise  # its message lists the choices
    except (TypeError, ValueError, ArithmeticError) as error:
        raise OptionError(f"{flag} must be {error}, got {raw!r}") from None
    if choices and value not in choices:
        raise OptionError(f"{flag} cannot be {value!r}; {suggestion(str(value), choices)}")
    if low is not None or high is not None:
        _check_range(flag, value, low, high)
    return value


def _check_range(flag: str, value: Any, low: float | None, high: float | None) -> None:
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
        raise OptionError(f"{flag} must be a number {expected}, got {value!r}") from None
    if not ((low is None or number >= low) and (high is None or number <= high)):  # false for NaN too
        raise OptionError(f"{flag} must be {expected}, got {value}")
