"""Inserts the tables that the benchmarks wrote into a page of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

TABLES = (
    *(
        "speed",
        "memory",
        "steadiness",
        "quality_means",
        "sweep",
        "cuts",
        "engines",
        "adapt",
        "runtimes",
        "change",
    ),
    *("weights_stills", "weights_clips", "weights_shifts"),
)


def fill(page: Path, results: Path) -> list[str]:
    """Replace each table that ``page`` has a place for and ``results`` a file of; returns their names."""
    text, done = page.read_text(encoding="utf-8"), []
    for name in TABLES:
        source = results / f"{name}.md"
        if source.is_file() and f"<!-- {name}:begin -->" in text:
            text = replaced(text, name, source.read_text(encoding="utf-8").strip())
            done.append(name)
    page.write_text(text, encoding="utf-8")
    return done


def replaced(text: str, name: str, table: str) -> str:
    """``text`` with ``table`` between the marks called ``name``."""
    marks = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.S)
    if not marks.search(text):
        raise SystemExit(f"bench: the page has no place for the table {name!r}")
    return marks.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", text)
