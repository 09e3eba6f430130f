"""``vidstyle list``: the names that options take."""

from __future__ import annotations

import argparse
from typing import Any

from vidstyle.cli.parser import Parser


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "list",
        help="list engines, flows, temporal methods, codecs, bundled styles, metrics, recipes and losses",
        description="Lists the names that options take.",
    )
    parser.add_argument("what", nargs="?", choices=tuple(_TABLES), help="only this list, one name a line")
    parser.set_defaults(run=_run, parser=parser)


def _run(words: argparse.Namespace) -> int:
    if words.what is not None:
        print("\n".join(_TABLES[words.what]()))
        return 0
    for title, names in _TABLES.items():
        print(f"{title:<9} {', '.join(names())}")
    return 0


def _engines() -> list[str]:
    from vidstyle.registry import ENGINES

    return list(ENGINES)


def _flows() -> list[str]:
    from vidstyle.registry import FLOWS

    return list(FLOWS)


def _metrics() -> list[str]:
    from vidstyle.registry import METRICS

    return list(METRICS)


def _recipes() -> list[str]:
    from vidstyle.registry import RECIPES

    return list(RECIPES)


def _losses() -> list[str]:
    from vidstyle.registry import LOSSES

    return list(LOSSES)


def _temporal() -> list[str]:
    from vidstyle.registry import TEMPORAL

    return [*TEMPORAL, "none"]


def _codecs() -> list[str]:
    from vidstyle.video.codecs import CODECS

    return list(CODECS)


def _styles() -> list[str]:
    from vidstyle.engines.styles import bundled_styles

    return sorted(bundled_styles())


_TABLES = {
    "engines": _engines,
    "flows": _flows,
    "temporal": _temporal,
    "codecs": _codecs,
    "styles": _styles,
    "metrics": _metrics,
    "recipes": _recipes,
    "losses": _losses,
}
