"""``vidstyle completion``: prints a shell's completion script for commands, options, choices and files."""

from __future__ import annotations

import argparse
from typing import Any

from vidstyle.cli.parser import Parser

SHELLS = ("bash", "zsh", "fish", "powershell")

_WHERE = """\
examples:
  vidstyle completion bash > ~/.local/share/bash-completion/completions/vidstyle
  vidstyle completion zsh > ~/.zfunc/_vidstyle      (with ~/.zfunc in fpath)
  vidstyle completion fish > ~/.config/fish/completions/vidstyle.fish
"""


def add(commands: Any) -> None:
    """Add the command to ``commands``."""
    parser: Parser = commands.add_parser(
        "completion",
        help="print a script that completes the command line in your shell",
        description="Prints a script that makes a shell complete vidstyle's commands, options and files.",
        epilog=_WHERE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")
    parser.set_defaults(run=_run, parser=parser)


def _run(arguments: argparse.Namespace) -> int:
    import shtab  # here: the other commands need not wait for it

    from vidstyle.cli.main import build_parser

    parser = build_parser()
    for action in _actions(parser):
        if action.metavar in ("FILE", "INPUT", "CLIP", "PAINTED", "PICTURE", "OUT"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell=arguments.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """All actions of ``parser`` and of its commands."""
    actions = []
    for action in parser._actions:
        actions.append(action)
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                actions += _actions(command)
    return actions
