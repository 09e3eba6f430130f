"""Pages of the reference: the command line from its option records, Python from the public names."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from vidstyle.cli.main import build_parser

ROOT = Path(__file__).resolve().parent.parent


def command_line_page() -> str:
    """All commands with all options, in Markdown."""
    parser = build_parser()
    (commands,) = (item for item in parser._actions if isinstance(item, argparse._SubParsersAction))
    summaries = {choice.dest: choice.help or "" for choice in commands._choices_actions}
    lines = [
        "# Command line",
        "",
        "Generated from the parser and the option records. Options have the same names in Python: "
        "`--flow-size` is `flow_size=`.",
        "",
        "| command | what it does |",
        "|---|---|",
        *(f"| [{name}](#{name}) | {_cell(summaries[name])} |" for name in commands.choices),
        "",
    ]
    for name, command in commands.choices.items():
        lines += [f"## {name}", "", command.description or summaries[name], ""]
        lines += list(_command(command))
    return "\n".join(lines) + "\n"


def _command(command: argparse.ArgumentParser) -> Iterator[str]:
    if command.epilog:
        examples = dedent("\n".join(command.epilog.strip().splitlines()[1:]))
        yield from ("```text", *examples.splitlines(), "```", "")
    for group in command._action_groups:
        actions = [item for item in group._group_actions if item.help != argparse.SUPPRESS]
        actions = [item for item in actions if "--help" not in item.option_strings]
        if actions:
            title = "inputs" if group.title == "positional arguments" else str(group.title)
            kind = "input" if title == "inputs" else "option"
            yield from (f"**{title.capitalize()}**", "", f"| {kind} | meaning |", "|---|---|")
            for action in actions:
                yield f"| {_name(action)} | {_cell(_text(action))} |"
            yield ""


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = "" if action.nargs == 0 else f" {action.metavar or ''}".rstrip()
    return ", ".join(f"`{flag}{value}`" for flag in action.option_strings)


def _text(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%")
    if action.choices is not None:
        text += f". One of {', '.join(f'`{choice}`' for choice in action.choices)}"
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def python_page() -> str:
    """All public names, functions first, each with its docstring."""
    stub = (ROOT / "vidstyle" / "__init__.pyi").read_text(encoding="utf-8")
    homes = re.findall(r"^from \.(\S+) import \w+ as (\w+)", stub, re.M)
    names = {name: module for module, name in homes if name != "__version__"}
    functions = sorted((name for name in names if name[0].islower()), key=lambda name: names[name] != "api")
    errors = [name for name in names if _is_error(name)]
    options = [name for name in names if name.endswith(("Options", "Keywords"))]
    others = [name for name in names if name not in (*functions, *errors, *options) and name[0].isupper()]
    about = "Every public name of `vidstyle`. Options are explained under [command line](command-line.md)."
    lines = ["# Python", "", about, ""]
    for title, group in (
        ("Functions", functions),
        ("Classes and types", others),
        ("Options", options),
        ("Errors", errors),
    ):
        lines += [f"## {title}", ""]
        for name in group:
            heading = [f"      heading: vidstyle.{name}", f"      toc_label: {name}"]
            if name.endswith("Options"):  # their fields are what the command line shows
                heading += ["      members: false", "      show_signature: false"]
            lines += [f"::: vidstyle.{names[name]}.{name}", "    options:", *heading, ""]
    return "\n".join(lines)


def _is_error(name: str) -> bool:
    return name.endswith("Error") or name in ("UnknownName", "WeightsMissing", "WeightsMismatch")
