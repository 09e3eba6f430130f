"""Installs vidstyle into a virtual environment of its own, with the build of PyTorch that suits this machine.

python3 scripts/install.py [--into FOLDER] [--extras page,evaluate] [--torch auto|cpu|cuda] [--dry-run]
"""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from environment import ROOT, Trouble, check_python
from torch_choice import BUILDS, can_be_reached, choose


def main():  # type: () -> int
    parser = argparse.ArgumentParser(prog="install.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--into", type=Path, default=Path(".venv"), metavar="FOLDER", help="the environment (default: .venv)"
    )
    parser.add_argument("--extras", default="page", help="with commas between (default: page)")
    parser.add_argument("--torch", choices=BUILDS, default="auto", help="PyTorch for the CPU or CUDA")
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    arguments = parser.parse_args()
    folder = arguments.into.resolve()
    try:
        check_python()
        check_extras(arguments.extras)
        index, line = choose(arguments.torch)
        if index and not arguments.dry_run and not can_be_reached(index):
            index, line = "", f"PyPI's build, since {index} cannot be reached"
        print(f"torch: {line}", flush=True)
        for command in commands(folder, arguments.extras, index):
            print(f"$ {shlex.join(command)}", flush=True)
            if not arguments.dry_run and subprocess.run(command).returncode != 0:
                raise Trouble(f"this failed; see the lines above ({shlex.join(command)})")
    except (Trouble, OSError) as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if not arguments.dry_run:
        print(f"vidstyle is here: {program(folder, 'vidstyle')} (try: vidstyle doctor)")
    return 0


def check_extras(extras):  # type: (str) -> None
    """Raise ``Trouble`` for an extra that vidstyle lacks: pip only warns, and installs the rest."""
    import tomllib  # since Python 3.11, which has been checked

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = project["optional-dependencies"]
    unknown = [name.strip() for name in extras.split(",") if extras and name.strip() not in known]
    if unknown:
        raise Trouble(f"vidstyle has no extra named {unknown[0]!r}; there are {', '.join(sorted(known))}")


def commands(folder, extras, index):  # type: (Path, str, str) -> list[list[str]]
    """What is run, in this order: an environment in ``folder``, torch, vidstyle with its ``extras``."""
    install = [str(program(folder, "python")), "-m", "pip", "install", "--disable-pip-version-check"]
    torch = [*install, "--index-url", index, "torch", "torchvision"]
    what = f"{ROOT}[{extras}]" if extras else str(ROOT)
    # torch first: what is installed is not replaced by the build of another index
    return [[sys.executable, "-m", "venv", str(folder)], *([torch] if index else []), [*install, what]]


def program(folder, name):  # type: (Path, str) -> Path
    """The program ``name`` of the environment in ``folder``."""
    return folder / ("Scripts" if os.name == "nt" else "bin") / name


if __name__ == "__main__":
    sys.exit(main())
