"""The analysis of a study: whose answers count, mean opinions, preferences, and the article's targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vidstyle.errors import InputError, OptionError
from vidstyle.metrics.targets import FRAME_DIFFERENCE, LPIPS
from vidstyle.study.answers import Person
from vidstyle.study.opinion import Opinion, opinion
from vidstyle.study.preferences import Preferences, preferences
from vidstyle.study.questions import LABELS, QUESTIONS, REFERENCE
from vidstyle.study.screening import outliers

MEASURED = (LPIPS, FRAME_DIFFERENCE)
"""Targets of metrics, which ``vidstyle evaluate`` measures."""

Row = Mapping[str, Opinion]
"""Condition to opinion."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the answers to a study say."""

    people: int
    """People whose answers count, at least to one question."""
    unfinished: int
    """Of those, the people who stopped before the end."""
    inattentive: tuple[str, ...]
    """People who failed attention checks; nothing of them counts."""
    rejected: Mapping[str, tuple[str, ...]]
    """Question to the people whose grades were rejected as outliers (BT.500)."""
    opinions: Mapping[str, Row]
    """Question to mean opinion scores."""
    relative: Mapping[str, Row]
    """Question to scores relative to the source's own (5: as good as the source), without the source."""
    preferences: Preferences | None
    measured: Mapping[str, Mapping[str, float]]
    """Condition to metric to value, for the targets of ``MEASURED``."""

    @property
    def conditions(self) -> list[str]:
        """All conditions: by overall opinion or strength, the best first, and the source last."""
        rows = list(self.opinions.values())
        if rows:
            order = self.opinions.get("overall", rows[-1])
            names = sorted(order, key=lambda name: -order[name].mean)
        else:
            strength = self.preferences.by_condition if self.preferences else {}
            names = sorted(strength, key=lambda name: -strength[name].strength)
        others = {name for row in rows for name in row} | set(
            self.preferences.by_condition if self.preferences else ()
        )
        names += sorted(others - set(names))
        return sorted(names, key=lambda name: name == REFERENCE)


def analyse(
    people: Sequence[Person],
    *,
    failed_checks: int = 0,
    measured: Mapping[str, Mapping[str, float]] = {},
) -> Analysis:
    """Analyse the answers of ``people``.

    Args:
        people: see ``read_answers``.
        failed_checks: how many attention checks a person may fail.
        measured: condition to metric to value, from ``vidstyle evaluate``.

    Raises ``InputError`` if nobody's answers count, and ``OptionError`` for a condition that was measured but
    is not in the answers.
    """
    if failed_checks < 0:
        raise OptionError(f"--failed-checks must be at least 0, got {failed_checks}")
    attentive = [person for person in people if person.failed_checks <= failed_checks]
    counted = [person for person in attentive if person.ratings or person.choices]
    if not counted:
        raise InputError(
            f"of {len(people)} people none gave answers that count: "
            f"{len(people) - len(attentive)} failed attention checks (see --failed-checks)"
        )
    names = {name for person in counted for rating in person.ratings for name in rating.grades}
    order = [question.name for question in QUESTIONS]
    questions = sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
    opinions, relative, rejected = {}, {}, {}
    for question in questions:
        grades = _grades(counted, question)
        if bad := outliers(grades):
            rejected[question] = tuple(bad)
        kept = {person: given for person, given in grades.items() if person not in bad}
        opinions[question] = _row(kept)
        if any(item.name == question and item.is_of_source for item in QUESTIONS):
            relative[question] = _row({person: _relative(given) for person, given in kept.items()})
    analysis = Analysis(
        people=len(counted),
        unfinished=sum(not person.is_finished for person in counted),
        inattentive=tuple(person.name for person in people if person not in attentive),
        rejected=rejected,
        opinions=opinions,
        relative={question: row for question, row in relative.items() if row},
        preferences=preferences([person.choices for person in counted]),
        measured=measured,
    )
    if unknown := sorted(set(measured) - set(analysis.conditions)):
        known = ", ".join(analysis.conditions)
        raise OptionError(f"--measured {unknown[0]}: the answers have no such condition; there are: {known}")
    return analysis


def _grades(people: Sequence[Person], question: str) -> dict[str, dict[tuple[str, str], float]]:
    """Person to (source, condition) to grade; the mean of a clip that a person graded twice."""
    grades: dict[str, dict[tuple[str, str], float]] = {}
    for person in people:
        given: dict[tuple[str, str], list[int]] = {}
        for rating in person.ratings:
            if question in rating.grades:
                given.setdefault((rating.source, rating.condition), []).append(rating.grades[question])
        if given:
            grades[person.name] = {clip: float(np.mean(values)) for clip, values in given.items()}
    return grades


def _relative(given: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Grades relative to the source's own, as in ACR with hidden reference (P.910)."""
    return {
        (source, condition): grade - given[source, REFERENCE] + len(LABELS)
        for (source, condition), grade in given.items()
        if condition != REFERENCE and (source, REFERENCE) in given
    }


def _row(grades: Mapping[str, Mapping[tuple[str, str], float]]) -> dict[str, Opinion]:
    """Condition to the opinion of people, each with the mean over the sources."""
    conditions = sorted({condition for given in grades.values() for _, condition in given})
    row = {}
    for condition in conditions:
        own = [
            float(np.mean(values))
            for given in grades.values()
            if (values := [grade for (_, name), grade in given.items() if name == condition])
        ]
        row[condition] = opinion(own)
    return row
