"""``vidstyle list``: the names that options take."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from vidstyle.cli.parser import Parser
from vidstyle.registry import ENGINES, FLOWS, LOSSES, METRICS, RECIPES, RUNTIMES, TEMPORAL


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "list",
        help="list engines, flows, runtimes, temporal methods, codecs, bundled styles, metrics, recipes "
        "and losses",
        description="Lists the names that options take.",
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=tuple(_TABLES),
        help="only this list, one name a line; of engines also what they are good for",
    )
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.what is not None:
        print("\n".join(_engines() if arguments.what == "engines" else _TABLES[arguments.what]()))
        return 0
    for title, names in _TABLES.items():
        print(f"{title:<9} {', '.join(names())}")
    return 0


def _engines() -> list[str]:
    """A line for each engine: what it is good for, its cost, where its weights come from."""
    from vidstyle.engines.base import info_of

    width = max(map(len, ENGINES))
    lines = []
    for name in ENGINES:
        info = info_of(name)
        told = (
            []
            if info is None
            else [
                info.good_for,
                info.cost and f"time: {info.cost}",
                info.origin and f"weights: {info.origin}",
            ]
        )
        lines.append(f"{name:<{width}}  {'; '.join(filter(None, told))}".rstrip())
    return lines


def _codecs() -> list[str]:
    from vidstyle.video.writing.codecs import CODECS

    return list(CODECS)


def _styles() -> list[str]:
    from vidstyle.styles.pictures import bundled_styles

    return sorted(bundled_styles())


_TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "engines": lambda: ENGINES,
    "flows": lambda: FLOWS,
    "runtimes": lambda: RUNTIMES,
    "temporal": lambda: [*TEMPORAL, "none"],
    "codecs": _codecs,
    "styles": _styles,
    "metrics": lambda: METRICS,
    "recipes": lambda: RECIPES,
    "losses": lambda: LOSSES,
}
