"""The argument parser: arguments are generated from the option records, and errors suggest corrections."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable
from dataclasses import Field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from vidstyle.errors import InputError, OptionError, suggestion
from vidstyle.options import value_of
from vidstyle.printable import printable

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""To which each command adds its parser."""


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` without abbreviations that suggests the closest name in its errors."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", _Formatter)
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 after two lines: the error, and a pointer to the help."""
        self.exit(2, f"{self.prog}: {printable(self._with_hint(message))}\nsee {self.prog} --help\n")

    def _with_hint(self, message: str) -> str:
        unknown = re.match(r"argument [^:]*: invalid choice: '([^']*)'", message)
        for action in self._actions if unknown else ():
            if unknown and isinstance(action, argparse._SubParsersAction):
                return f"no command named {unknown[1]!r}; {suggestion(unknown[1], action.choices)}"
        if message.endswith("expected one argument"):
            message += " (a name that begins with - is written ./-name)"
        # the option records name the option themselves
        return re.sub(r"^argument (--[\w-]+)[^:]*: (?=--)", "", message)


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def add_options(parser: Parser, title: str, record: type[Any], leave_out: tuple[str, ...] = ()) -> None:
    """Add one option for each field of ``record`` to ``parser``, in a group called ``title``."""
    group = parser.add_argument_group(title)
    for item in fields(record):
        if item.name not in leave_out:
            _add_option(group, item)


def _add_option(group: argparse._ArgumentGroup, item: Field[Any]) -> None:
    flag = "--" + item.name.replace("_", "-")
    # SUPPRESS: an option that is not given keeps the record's default
    settings: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _help(item)}
    if item.default is False:
        group.add_argument(flag, action="store_true", **settings)
        return
    settings["type"] = _converter(item)
    if item.metadata["choices"]:
        settings["choices"] = item.metadata["choices"]
    else:
        settings["metavar"] = item.metadata["metavar"]
    if item.default == ():
        settings.update(action="extend", nargs=1, type=str)
    group.add_argument(flag, **settings)


def _help(item: Field[Any]) -> str:
    text: str = item.metadata["help"].replace("%", "%%")
    has_default = item.default is not None and item.default is not False and item.default != ()
    return f"{text} (default: {item.default})" if has_default else text


def _converter(item: Field[Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return value_of(item, text)
        except OptionError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def add_styles(parser: Parser) -> None:
    """Add ``--style``, which may be repeated."""
    parser.add_argument(
        "--style",
        action="append",
        default=[],
        metavar="PICTURE",
        help="a picture, or the name of a bundled style (vidstyle list styles); several are mixed",
    )


def style_name(arguments: argparse.Namespace) -> str:
    """The name of the styles or of the style track, for the names of results.

    Exits with a usage error if there is neither.
    """
    names = [Path(style).stem for style in arguments.style]
    if getattr(arguments, "style_track", None) is not None:
        names = names or [arguments.style_track.stem]
    if not names:
        arguments.parser.error("a --style is needed: a picture, or a name that `vidstyle list styles` shows")
    return "+".join(names)


def add_verbosity(parser: Parser) -> None:
    """Add ``--quiet`` and ``--verbose``."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    group.add_argument("-v", "--verbose", action="store_true", help="say what is chosen and done")


def select_options(arguments: argparse.Namespace, *records: type[Any]) -> dict[str, Any]:
    """The options of ``records`` that the command line sets; the others keep their defaults."""
    names = {item.name for record in records for item in fields(record)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def parse(parser: Parser, command_line: list[str]) -> argparse.Namespace:
    """Parse the command line; inputs may be before, between and after the options.

    Exits with a usage error, or raises ``InputError`` for a URL as an input.
    """
    _refuse_empty_arguments(parser, command_line)
    _refuse_files_like_options(parser, command_line)
    arguments, left = parser.parse_known_args(command_line)
    extra = [word for word in left if not word.startswith("-") or word == "-"]
    unknown = [word for word in left if word not in extra]
    command = arguments.parser if "parser" in arguments else parser
    if unknown:
        flag = unknown[0].split("=")[0]
        flags = [text for text in command._option_string_actions if text.startswith("--")]
        command.error(
            f"no option {flag}; {suggestion(flag, flags)}" if _has_near(flag, flags) else f"no option {flag}"
        )
    if extra and not isinstance(getattr(arguments, "inputs", None), list):
        command.error(f"one word too many: {extra[0]}{_pattern_hint(extra[0])}")
    if extra:
        arguments.inputs += extra
    _refuse_addresses(arguments)
    return arguments


def _refuse_files_like_options(parser: Parser, command_line: list[str]) -> None:
    """Exit with a usage error for a file whose name begins with a dash."""
    for word in command_line[: command_line.index("--")] if "--" in command_line else command_line:
        if len(word) > 2 and word[0] == "-" and word[1] != "-" and Path(word).is_file():
            parser.error(f"{word} is taken for an option; write {shlex.quote(f'./{word}')} for the file")


def _refuse_empty_arguments(parser: Parser, command_line: list[str]) -> None:
    """Exit with a usage error for an empty argument, like ``"$CLIP"`` where CLIP is not set.

    As a path it would be the current folder.
    """
    for before, word in pairwise(["vidstyle", *command_line]):
        if not word or re.fullmatch(r"--[\w-]+=", word):
            where = f"the word after {before}" if not word else word[:-1]
            parser.error(
                f"{where} is empty (a variable of the shell that is not set?); give a name or a value"
            )


def _pattern_hint(argument: str) -> str:
    """A hint to quote a pattern, if ``argument`` is a file: a shell has probably expanded one."""
    path = Path(argument)
    pattern = shlex.quote(str(path.with_name(f"*{path.suffix}")))
    return f"; a pattern needs quotes: {pattern}" if path.is_file() else ""


def _refuse_addresses(arguments: argparse.Namespace) -> None:
    """Raise ``InputError`` for a URL as an input."""
    paths = [getattr(arguments, name, None) for name in ("input", "clip", "painted", "source", "baseline")]
    for path in [*paths, *(getattr(arguments, "inputs", None) or ())]:
        if isinstance(path, str) and re.match(r"[a-z][a-z0-9+.-]+://", path, re.I):
            raise InputError(f"{path} is an address, not a file; download it first, then give the file")


def _has_near(flag: str, flags: list[str]) -> bool:
    return suggestion(flag, flags).startswith("did you mean")
