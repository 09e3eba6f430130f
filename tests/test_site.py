"""The documentation site: it is built, its links lead somewhere, and it loads nothing from elsewhere."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import vidstyle
from vidstyle.cli.main import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; building fails for a link or an anchor that leads nowhere."""
    folder = tmp_path_factory.mktemp("site") / "site"
    words = [sys.executable, str(ROOT / "tools" / "build_site.py"), "--output", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow(reason="builds the site, in a process of its own")
def test_the_site_loads_nothing_from_elsewhere_and_can_be_searched(site: Path) -> None:
    tags = r"<(?:script|img|source|iframe|link(?! rel=.?(?:next|prev)))\b"
    loads = re.compile(tags + r"[^>]*?\b(?:src|href)=[\"']?(https?:[^\"' >]+)")
    pages = list(site.rglob("index.html"))
    assert len(pages) > 30
    foreign = {address for page in pages for address in loads.findall(page.read_text(encoding="utf-8"))}
    assert foreign == set()
    found = json.dumps(json.loads((site / "search.json").read_text(encoding="utf-8")))
    assert "--preserve-color" in found and "stylize_frames" in found


def test_the_reference_has_every_option_and_every_public_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from site_reference import command_line_page, python_page  # type: ignore[import-not-found,unused-ignore]

    page = command_line_page()
    (commands,) = (item for item in build_parser()._actions if isinstance(item, argparse._SubParsersAction))
    assert set(commands.choices) == set(COMMANDS)
    for command in commands.choices.values():
        flags = [action.option_strings[-1] for action in command._actions if action.option_strings]
        assert [flag for flag in flags if f"`{flag}" not in page and flag != "--help"] == []
    names = re.findall(r"toc_label: (\w+)", python_page())
    assert set(names) == set(dir(vidstyle)) - {"__version__"} - set(vars(object)) - _MODULE_NAMES


_MODULE_NAMES = {name for name in dir(vidstyle) if name.startswith("__")}
