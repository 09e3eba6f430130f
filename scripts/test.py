"""Installs vidstyle with its test extras into .venv-test, then runs lint, format, types and all tests.

python3 scripts/test.py [--fresh] [--coverage] [PYTEST_ARGUMENT ...]
"""

import argparse
import os
import subprocess
import sys
import time

from environment import ROOT, Trouble, prepare

_WORKERS = str((os.cpu_count() or 1) + 1)  # tests of the page and of processes mostly wait
_BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")


def main():  # type: () -> int
    parser = argparse.ArgumentParser(prog="test.py", description=__doc__.splitlines()[0])
    parser.add_argument("--fresh", action="store_true", help="make the virtual environment anew")
    parser.add_argument(
        "--coverage", action="store_true", help="measure what the tests cover, which takes a fifth more time"
    )
    arguments, pytest_arguments = parser.parse_known_args()
    if arguments.coverage:
        pytest_arguments.append("--cov")
    try:
        python = str(prepare(".venv-test", extras="[test]", fresh=arguments.fresh))
        failed = [
            name for name, command in checks(pytest_arguments) if not passes(name, [python, "-m", *command])
        ]
    except (Trouble, OSError) as error:
        print(f"test: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"test: failed: {', '.join(failed)}" if failed else "test: all passed", flush=True)
    return 1 if failed else 0


def checks(pytest_arguments):  # type: (list[str]) -> list[tuple[str, list[str]]]
    """Name and command of each check, the quick ones first; all run, whatever fails."""
    return [
        ("lint", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        # by file: what a file's tests share, such as a painted clip or a page's server, is made once
        ("tests", ["pytest", "--numprocesses", _WORKERS, *_BY_FILE, *pytest_arguments]),
    ]


def passes(name, command):  # type: (str, list[str]) -> bool
    print(f"== {name}: {' '.join(command[2:])}", flush=True)
    begun = time.monotonic()
    code = subprocess.run(command, cwd=str(ROOT)).returncode
    print(f"== {name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - begun:.0f} s", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
