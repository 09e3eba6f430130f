"""What is set on the page: checked against the option records, and written as a command."""

from __future__ import annotations

import shlex

import pytest

from vidstyle.cli.main import build_parser
from vidstyle.cli.parser import parse, select_options
from vidstyle.errors import OptionError
from vidstyle.options import PaintOptions, SteadyOptions
from vidstyle.server.settings import NAMES, command_of, described_options, settings_of

_ONE = [{"id": "waves", "weight": 1}]


def test_the_command_of_all_options_gives_run_the_same_options() -> None:
    options = {
        "quality": "high",
        "engine": "stylenet",
        "strength": 0.7,
        "detail": 0.25,
        "stability": 0.5,
        "preserve_color": True,
        "working_size": "240",
    }
    assert set(options) == set(NAMES)
    both = [{"id": "waves", "weight": 2}, {"id": "ink", "weight": 0.5}]
    settings = settings_of({"styles": both, "options": options})
    line = command_of("my clip.mp4", ["waves", "-odd'name.png"], settings)
    arguments = parse(build_parser(), shlex.split(line)[1:])
    assert arguments.inputs == ["my clip.mp4"]
    assert arguments.style == ["waves", "./-odd'name.png"]
    assert select_options(arguments, PaintOptions, SteadyOptions) == settings.keywords


def test_options_at_their_defaults_are_not_in_the_command() -> None:
    settings = settings_of({"styles": _ONE, "options": {"strength": 1, "quality": "normal"}})
    assert command_of("clip.mp4", ["waves"], settings) == "vidstyle run clip.mp4 --style waves"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ({"styles": [], "options": {}}, "choose a style first"),
        ({"styles": _ONE, "options": {"weights": "/etc/passwd"}}, "no option 'weights'"),
        ({"styles": _ONE, "options": {"engine": "os:system"}}, "no engine named 'os:system'"),
        ({"styles": _ONE, "options": {"engine": ["stylenet"]}}, "no engine named"),
        ({"styles": _ONE, "options": {"strength": 3}}, "--strength must be from 0 to 1.5"),
        ({"styles": _ONE, "options": {"quality": "great"}}, "--quality cannot be 'great'"),
        ({"styles": [{"id": "waves", "weight": 0}], "options": {}}, "are all 0"),
        ({"styles": [{"id": "waves", "weight": -1}], "options": {}}, "from 0 to 1000"),
        ({"styles": _ONE * 40, "options": {}}, "at most 32 styles"),
        ({"styles": [7], "options": {}}, "with id and weight"),
        ("nonsense", "must be an object"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(message: object, line: str) -> None:
    with pytest.raises(OptionError, match=line):
        settings_of(message)


def test_the_form_offers_engines_that_need_no_further_file_and_says_what_each_is_for() -> None:
    described = {str(item["name"]): item for item in described_options()}
    assert list(described) == list(NAMES)
    choices = described["engine"]["choices"]
    assert isinstance(choices, list)
    assert "stylenet" in [choice["name"] for choice in choices]
    assert not {"adain", "attention"} & {choice["name"] for choice in choices}
    assert all(choice["about"] for choice in choices)
    assert all(item["help"] for item in described.values())
