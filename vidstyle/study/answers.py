"""The answers of people, read from the files that a study's page writes, and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.errors import InputError
from vidstyle.patterns import listed
from vidstyle.study.questions import LABELS

FORMAT = "vidstyle-study-answers"
_LARGEST = 5_000_000  # bytes of a file; a session of hours has fewer


@dataclass(frozen=True, slots=True)
class Rating:
    """The grades that a clip got from a person."""

    source: str
    condition: str
    grades: Mapping[str, int]
    """Question to grade, 1 to 5."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The clip that a person preferred, of two from one source."""

    source: str
    preferred: str
    other: str


@dataclass(frozen=True, slots=True)
class Person:
    """All that counts of a person's answers."""

    name: str
    ratings: tuple[Rating, ...]
    choices: tuple[Choice, ...]
    failed_checks: int
    is_finished: bool


def read_answers(places: Sequence[Path]) -> list[Person]:
    """The people whose answers are in ``places``, files or folders of JSON files, sorted by name.

    Raises ``InputError`` for what is no file of answers, for answers to several studies, and for none.
    """
    people: dict[str, Person] = {}
    studies: dict[str, Path] = {}
    for path in _files(places):
        study, person = _read(path)
        studies.setdefault(study, path)
        if len(studies) > 1:
            first, second = list(studies.values())[:2]
            raise InputError(f"{first} and {second} are answers to two studies; analyse each by itself")
        if person.name in people:
            kept = max(people[person.name], person, key=lambda each: len(each.ratings) + len(each.choices))
            people[person.name] = kept  # one session that was saved twice
        else:
            people[person.name] = person
    if not people:
        raise InputError(f"no answers in {', '.join(map(str, places))}; give the files that people saved")
    return [people[name] for name in sorted(people)]


def check_answers(text: str) -> Mapping[str, object]:
    """The answers in a file's ``text``; raises ``ValueError`` with what is wrong in a few words."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError("it holds no answers to a study")
    if not isinstance(data.get("answers"), list):
        raise ValueError("its answers are not a list")
    for name in ("study", "person"):
        if not isinstance(data.get(name), str) or not data[name]:
            raise ValueError(f"it does not say which {name}")
    for number, item in enumerate(data["answers"], 1):
        if not isinstance(item, dict):
            raise ValueError(f"answer {number} is no object")
        _check_answer(item, number)
    return data


def _files(places: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for place in places:
        if place.is_dir():
            files += sorted(file for file in listed(place) if file.suffix.lower() == ".json")
        elif place.is_file():
            files.append(place)
        else:
            raise InputError(f"no file or folder {place}; give the answers that people saved")
    return files


def _read(path: Path) -> tuple[str, Person]:
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST:,} bytes")
        data = check_answers(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} cannot be used: {reason}; leave it out, or save the answers again"
        ) from None
    answers = data["answers"]
    assert isinstance(answers, list)
    counted = [item for item in answers if item.get("role") == "counted" and not item.get("failed")]
    ratings = [
        Rating(item["source"], item["condition"], item["grades"])
        for item in counted
        if item["kind"] == "rating"
    ]
    choices = [_choice(item) for item in counted if item["kind"] == "pair"]
    failed = sum(_is_failed_check(item) for item in answers if item.get("role") == "check")
    person = Person(str(data["person"]), tuple(ratings), tuple(choices), failed, bool(data.get("finished")))
    return str(data["study"]), person


def _check_answer(item: Mapping[str, object], number: int) -> None:
    kind = item.get("kind")
    if kind not in ("rating", "pair") or item.get("role") not in ("training", "counted", "check"):
        raise ValueError(f"answer {number} is of an unknown kind")
    names = ("source", "condition") if kind == "rating" else ("source", "left", "right")
    if not all(isinstance(item.get(name), str) for name in names):
        raise ValueError(f"answer {number} does not say to what")
    if item.get("failed"):
        return
    if item["role"] == "check" and not isinstance(item.get("expected"), int | str):
        raise ValueError(f"answer {number}, a check, does not say what was expected")
    if kind == "pair":
        if item.get("chosen") not in ("left", "right"):
            raise ValueError(f"answer {number} chooses {item.get('chosen')!r}, neither left nor right")
        return
    grades = item.get("grades")
    if not isinstance(grades, dict) or not grades:
        raise ValueError(f"answer {number} has no grades")
    for question, grade in grades.items():
        if isinstance(grade, bool) or not isinstance(grade, int) or not 1 <= grade <= len(LABELS):
            raise ValueError(f"answer {number} grades {question} {grade!r}, not 1 to {len(LABELS)}")


def _choice(item: Mapping[str, str]) -> Choice:
    sides = ("left", "right") if item["chosen"] == "left" else ("right", "left")
    return Choice(item["source"], item[sides[0]], item[sides[1]])


def _is_failed_check(item: Mapping[str, object]) -> bool:
    if item.get("failed"):  # the browser could not play it
        return False
    grades = item.get("grades")
    given = set(grades.values()) if isinstance(grades, dict) else {item.get("chosen")}
    return given != {item.get("expected")}
