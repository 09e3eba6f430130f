"""Makes a virtual environment with vidstyle beside pyproject.toml, using only the standard library."""

# This file and its callers must parse on old Pythons, so that those get a clear line instead of a
# SyntaxError: no match, no walrus, no "X | Y", no subscripted builtins outside quotes.

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from torch_choice import can_be_reached, choose

ROOT = Path(__file__).resolve().parent.parent


class Trouble(Exception):
    """What stopped a script, in one line for the person who started it."""


def prepare(name, extras="", fresh=False):  # type: (str, str, bool) -> Path
    """Make or reuse the environment ``name``; return its Python. ``Trouble`` says what is missing."""
    check_python()
    folder = ROOT / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "complete"
    if not fresh and python.exists() and stamp.exists() and stamp.read_text() == _recipe(extras):
        return python
    if folder.exists():
        shutil.rmtree(str(folder))
    print(f"making {folder}", flush=True)
    run([sys.executable, "-m", "venv", str(folder)], "the virtual environment could not be made")
    print("installing vidstyle and what it needs (the first time this loads a few packages)", flush=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    failed = "the installation failed; see the lines above (is there a network?)"
    index, _ = choose()
    if index and can_be_reached(index):
        run([*install, "--index-url", index, "torch", "torchvision"], failed)
    run([*install, "--editable", f"{ROOT}{extras}"], failed)
    stamp.write_text(_recipe(extras))
    return python


def check_python():  # type: () -> None
    """Raise ``Trouble`` unless this Python is new enough and can make environments."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this is the line that old Pythons are meant to reach)
        raise Trouble(
            f"vidstyle needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable})"
        )
    missing = [module for module in ("venv", "ensurepip") if importlib.util.find_spec(module) is None]
    if missing:
        raise Trouble(
            f"this Python ({sys.executable}) comes without {' and '.join(missing)}; "
            "on Debian and Ubuntu run: sudo apt install python3-venv"
        )


def run(command, failed):  # type: (list[str], str) -> None
    """Run ``command`` in the project's root; ``Trouble`` with the line ``failed`` unless it succeeds."""
    if subprocess.run(command, cwd=str(ROOT)).returncode != 0:
        raise Trouble(failed)


def _recipe(extras):  # type: (str) -> str
    """What the environment was made from: when it changes, the environment is made anew."""
    project = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return "\n".join([project, extras, sys.version, str(ROOT)])
