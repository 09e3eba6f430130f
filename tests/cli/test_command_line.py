"""The command line before anything is painted: help, usage errors, what was probably meant, exit codes."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from fractions import Fraction
from typing import Any, get_args, get_type_hints

import pytest

import vidstyle
from vidstyle import __version__
from vidstyle.cli.main import COMMANDS, build_parser, main
from vidstyle.cli.parser import parse, select_options
from vidstyle.errors import OptionError
from vidstyle.options import (
    DetailOptions,
    PaintOptions,
    ReadOptions,
    SegmentOptions,
    SheetOptions,
    SteadyOptions,
    WriteOptions,
    keywords,
)
from vidstyle.options.checked_fields import PartChoices
from vidstyle.registry import FEATURES, RECIPES, Registry

RUN = ["run", "clip.mp4", "--style", "waves"]


def _message(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"usage: vidstyle {command}" in capsys.readouterr().out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
    assert all(command in output for command in COMMANDS)


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"vidstyle {__version__}\n"


def test_help_names_the_list_of_codecs_instead_of_some_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "--codec NAME one that `vidstyle list codecs` shows, or an FFmpeg encoder" in output


@pytest.mark.parametrize(("command", "registry"), [("train", RECIPES), ("evaluate", FEATURES)])
def test_help_names_every_registered_part(
    command: str, registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._parts, "new-part", "package.module:Part")
    assert main([command, "--help"]) == 0
    help_text = capsys.readouterr().out
    assert [name for name in registry if name not in help_text] == []


def test_run_help_shows_every_option_of_every_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    for record in (PaintOptions, SteadyOptions, ReadOptions, WriteOptions):
        for item in dataclasses.fields(record):
            assert "--" + item.name.replace("_", "-") in output
            assert " ".join(item.metadata["help"].split()) in output


# what Python gives as an argument (source, target), as a report's method, or as another function
_COMMAND_LINE_ALONE = {
    "adapt",
    "help",
    "inputs",
    "input",
    "output",
    "preview",
    "project",
    "save_project",
    "json",
    "csv",
    "report",
    "quiet",
    "verbose",
    "skip_existing",
    "targets",
}


@pytest.mark.parametrize(
    ("command", "function"),
    [
        *(("run", "stylize_video"), ("image", "stylize_image"), ("steady", "steady")),
        *(("evaluate", "evaluate"), ("adapt", "adapt")),
    ],
)
def test_options_have_the_same_names_in_python(command: str, function: str) -> None:
    commands: Any = build_parser()._subparsers
    options = {action.dest for action in commands._group_actions[0].choices[command]._actions}
    named = getattr(vidstyle, function)
    keywords = {
        *inspect.signature(named).parameters,
        *get_type_hints(named)["options"].__args__[0].__annotations__,
    }
    assert options - _COMMAND_LINE_ALONE - keywords == set()


def test_a_mistyped_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no command named 'rnu'; did you mean 'run'?" in _message(capsys, "rnu", "clip.mp4")


def test_a_mistyped_option_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    output = _message(capsys, *RUN, "--stabilty", "0.5")
    assert "no option --stabilty; did you mean '--stability'?" in output


def test_options_are_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no option --stab" in _message(capsys, *RUN, "--stab=0.5")


def test_a_mistyped_choice_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no engine named 'stylnet'; did you mean 'stylenet'?" in _message(
        capsys, *RUN, "--engine", "stylnet"
    )
    said = _message(capsys, *RUN, "--temporal", "mpa")
    assert "no temporal method named 'mpa'; did you mean 'map'?" in said


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--strength", "2", "from 0 to 1.5"),
        ("--strength", "nan", "a number"),
        ("--strength", "strong", "a number"),
        ("--stability", "-0.1", "from 0 to 1"),
        ("--working-size", "8", "16 or more"),
        ("--frames", "2.5", "a whole number"),
        ("--start", "1:2:3:4", "h:m:s"),
        ("--start", "1.5:30", "h:m:s"),
        ("--end", "-3", "h:m:s"),
        ("--rate", "0", "0.001 or more"),
        ("--rate", "24/0", "a fraction"),
        ("--bitrate", "fast", "bits a second"),
        ("--crf", "99", "from 0 to 63"),
        ("--style-weights", "1,x", "numbers"),
    ],
)
def test_a_value_out_of_range_is_usage_in_one_line(
    option: str, value: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = _message(capsys, *RUN, option, value)
    first, second = output.splitlines()
    assert first.startswith(f"vidstyle run: {option} must be ")
    assert expected in first
    assert value in first
    assert second == "see vidstyle run --help"


def test_a_run_without_style_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--style is needed" in _message(capsys, "run", "clip.mp4")


def test_no_command_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert "COMMAND" in _message(capsys)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", Fraction(90)),
        ("1:30", Fraction(90)),
        ("01:01:30.25", Fraction(14761, 4)),
        (".5", Fraction(1, 2)),
        ("0:0:0.1", Fraction(1, 10)),
    ],
)
def test_times_are_exact(text: str, seconds: Fraction) -> None:
    arguments = parse(build_parser(), [*RUN, "--start", text])
    assert arguments.start == seconds
    assert ReadOptions(start=text).start == seconds  # type: ignore[arg-type]


def test_only_what_is_given_overrides_the_records() -> None:
    arguments = parse(build_parser(), [*RUN, "--crf", "20", "--encoder-options", "tune=film"])
    assert select_options(arguments, WriteOptions) == {"crf": 20.0, "encoder_options": ["tune=film"]}
    assert select_options(arguments, ReadOptions, SteadyOptions) == {}


def test_encoder_options_may_be_repeated() -> None:
    arguments = parse(build_parser(), [*RUN, "--encoder-options", "tune=film", "--encoder-options", "bf=2"])
    made = WriteOptions(**select_options(arguments, WriteOptions))
    assert made.encoder_options == (("tune", "film"), ("bf", "2"))


def test_inputs_may_stand_on_both_sides_of_options() -> None:
    arguments = parse(build_parser(), ["run", "a.mp4", "--style", "waves", "b.mp4", "--quiet", "c.mp4"])
    assert arguments.inputs == ["a.mp4", "b.mp4", "c.mp4"]


def test_a_word_too_many_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert "too many: c.mp4" in _message(capsys, "steady", "a.mp4", "b.mp4", "c.mp4")


@pytest.mark.parametrize(
    ("typed", "records"),
    [
        (keywords.ImageKeywords, (PaintOptions,)),
        (keywords.SteadyKeywords, (SteadyOptions,)),
        (keywords.FileKeywords, (ReadOptions, WriteOptions)),
        (keywords.FrameKeywords, (PaintOptions, SteadyOptions)),
        (keywords.SteadyFileKeywords, (DetailOptions, SteadyOptions, ReadOptions, WriteOptions)),
        (
            keywords.VideoKeywords,
            (PaintOptions, SteadyOptions, ReadOptions, WriteOptions, SegmentOptions),
        ),
    ],
)
def test_keywords_are_the_fields_of_the_records(typed: Any, records: tuple[Any, ...]) -> None:
    assert set(get_type_hints(typed)) == {
        item.name for record in records for item in dataclasses.fields(record)
    }


def test_sheet_keywords_are_fields_of_records() -> None:
    known = {
        item.name
        for record in (PaintOptions, ReadOptions, SheetOptions)
        for item in dataclasses.fields(record)
    }
    assert set(get_type_hints(keywords.SheetKeywords)) <= known


def test_choices_of_keywords_are_those_of_the_records() -> None:
    for record in (PaintOptions, SteadyOptions, ReadOptions, WriteOptions):
        hints = get_type_hints(keywords.VideoKeywords)
        for item in dataclasses.fields(record):
            if item.metadata["choices"] and not isinstance(item.metadata["choices"], PartChoices):
                parts = get_args(hints[item.name])
                literals = [get_args(part) or (part,) for part in parts if part is not type(None)]
                assert {each for part in literals for each in part} == set(item.metadata["choices"])


def test_records_refuse_what_is_not_a_path() -> None:
    with pytest.raises(OptionError, match="--mask must be a path, got 3"):
        PaintOptions(mask=3)  # type: ignore[arg-type]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """``vidstyle completion bash | head -c 1``"""
    command = [sys.executable, "-m", "vidstyle", "completion", "bash"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=60)
    assert errors == b""


def test_an_unexpected_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: object) -> int:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("vidstyle.cli.list._run", fail)
    assert main(["list"]) == 1
    assert (
        capsys.readouterr().err
        == "vidstyle: unexpected RuntimeError: two lines (VIDSTYLE_DEBUG=1 shows where)\n"
    )
    monkeypatch.setenv("VIDSTYLE_DEBUG", "1")
    assert main(["list"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_options_and_choices(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("steady", "preserve-color", "raft-small", "tonemap"):
        assert word in script
