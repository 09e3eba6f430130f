"""The analysis of answers: its numbers by hand and by SciPy, who is left out, and broken files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from people import chose, rated, write_answers
from scipy import optimize, stats

from vidstyle.cli.main import main
from vidstyle.study.analysis import analyse
from vidstyle.study.answers import Choice, Person, Rating, read_answers
from vidstyle.study.bradley_terry import is_linked, smoothed, strengths
from vidstyle.study.opinion import opinion
from vidstyle.study.preferences import preferences
from vidstyle.study.results import table
from vidstyle.study.screening import kurtosis, outliers


def _person(name: str, *ratings: Rating, choices: tuple[Choice, ...] = (), failed: int = 0) -> Person:
    return Person(name, ratings, choices, failed, True)


def test_a_mean_opinion_and_its_interval_are_those_computed_by_hand() -> None:
    given = opinion([3, 4, 4, 5])
    # s = sqrt(2/3), t of 3 degrees of freedom at 97.5 %: 3.182446
    assert given.mean == 4.0
    assert given.margin == pytest.approx(3.182446 * math.sqrt(2 / 3) / 2, rel=1e-6)


def test_the_interval_of_an_opinion_is_that_of_scipy_and_the_bootstrap_is_near_scipys() -> None:
    values = np.random.default_rng(4).normal(3.4, 0.7, 24)
    given = opinion(list(values))
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (given.mean - (given.margin or 0), given.mean + (given.margin or 0)) == pytest.approx((low, high))
    theirs = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(1))
    assert given.bootstrap == pytest.approx(tuple(theirs.confidence_interval), abs=0.02)


def test_one_person_has_an_opinion_without_an_interval() -> None:
    assert opinion([4.0]).margin is None


def test_a_person_counts_once_however_many_sources_there_are() -> None:
    people = [
        _person("a", Rating("s", "x", {"overall": 5}), Rating("t", "x", {"overall": 3})),
        _person("b", Rating("s", "x", {"overall": 2}), Rating("t", "x", {"overall": 2})),
    ]
    given = analyse(people).opinions["overall"]["x"]
    assert (given.mean, given.people) == (3.0, 2)


def test_relative_scores_are_those_of_the_hidden_reference() -> None:
    ratings = [Rating("s", "reference", {"content": 4}), Rating("s", "x", {"content": 3})]
    analysis = analyse([_person("a", *ratings)])
    assert analysis.relative["content"]["x"].mean == 4.0  # 3 - 4 + 5
    assert "reference" not in analysis.relative["content"]


def test_kurtosis_is_scipys() -> None:
    values = np.random.default_rng(2).integers(1, 6, 30).astype(float)
    assert kurtosis(values) == pytest.approx(stats.kurtosis(values, fisher=False))


def test_a_person_who_grades_at_random_is_rejected_and_a_strict_one_is_kept() -> None:
    chance = np.random.default_rng(3)
    clips = [("s", str(number)) for number in range(30)]
    grades = {f"usual {person}": {clip: 3 + chance.normal(0, 0.6) for clip in clips} for person in range(60)}
    grades["strict"] = dict.fromkeys(clips, 1.5)
    grades["random"] = {clip: 4.5 if number % 2 else 1.5 for number, clip in enumerate(clips)}
    rejected = outliers(grades)
    assert "random" in rejected and "strict" not in rejected


def test_the_screening_counts_as_the_recommendation_writes_it() -> None:
    chance = np.random.default_rng(8)
    table = chance.integers(1, 6, (12, 25)).astype(float)
    rejected = []
    for person in range(len(table)):
        above = below = 0
        for column in table.T:
            second, fourth = (np.mean((column - column.mean()) ** power) for power in (2, 4))
            factor = 2 if 2 <= fourth / second**2 <= 4 else math.sqrt(20)
            above += column[person] >= column.mean() + factor * np.std(column, ddof=1)
            below += column[person] <= column.mean() - factor * np.std(column, ddof=1)
        if above + below and (above + below) / 25 > 0.05 and abs((above - below) / (above + below)) < 0.3:
            rejected.append(str(person))
    grades = {
        str(person): {("s", str(clip)): grade for clip, grade in enumerate(row)}
        for person, row in enumerate(table)
    }
    assert outliers(grades) == rejected


def test_of_people_who_agree_nobody_is_rejected() -> None:
    assert outliers({name: {("s", "x"): 4.0, ("s", "y"): 2.0} for name in "abc"}) == []


def test_strengths_of_two_are_the_logarithm_of_the_odds() -> None:
    first, second = strengths(np.array([[0.0, 9.0], [3.0, 0.0]]))
    assert first - second == pytest.approx(math.log(3))
    assert first + second == pytest.approx(0)


def test_strengths_are_the_likeliest_that_scipy_finds() -> None:
    wins = np.array([[0, 7, 9, 4], [3, 0, 6, 5], [1, 4, 0, 2], [6, 5, 8, 0]], float)

    def unlikelihood(free: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        logs = np.append(free, -free.sum())
        return float((wins * np.log1p(np.exp(logs[None, :] - logs[:, None]))).sum())

    theirs = optimize.minimize(unlikelihood, np.zeros(3), tol=1e-12).x
    assert strengths(wins)[:3] == pytest.approx(theirs, abs=1e-4)


def test_one_who_wins_all_pairs_gets_a_finite_strength_and_that_is_said() -> None:
    wins = np.array([[0.0, 4.0], [0.0, 0.0]])
    assert not is_linked(wins)
    assert strengths(smoothed(wins))[0] == pytest.approx(math.log(9) / 2)
    given = preferences([[Choice("s", "x", "y")] * 2, [Choice("t", "x", "y")] * 2])
    assert given is not None and given.is_smoothed
    assert given.by_condition["x"].share == 1


def test_a_duel_has_the_probability_of_the_binomial_test() -> None:
    choices = [Choice("s", "x", "y")] * 9 + [Choice("s", "y", "x")]
    given = preferences([choices])
    assert given is not None
    assert given.duels[0].probability == pytest.approx(2 * 11 / 1024)  # 10 or 9 of 10, both sides


def test_files_are_read_and_the_inattentive_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for person, grade in (("aa", 5), ("bb", 4), ("cc", 4)):
        answers = [
            rated("s", "ours", role="training", overall=1),
            rated("s", "ours", overall=grade),
            rated("s", "reference", overall=2),
            chose("s", "ours", "theirs"),
        ]
        write_answers(tmp_path, person, answers)
    check = {**rated("check", "check", role="check", overall=3), "expected": 2}
    write_answers(tmp_path, "dd", [rated("s", "ours", overall=1), check])
    evaluation = tmp_path.parent / "evaluation.json"
    evaluation.write_text(
        json.dumps({"metrics": {"lpips": {"value": 0.1}, "frame_difference": {"value": 7.0}}})
    )
    outputs = {kind: tmp_path.parent / f"study.{kind}" for kind in ("json", "csv", "html")}
    arguments = ["study", "analyse", str(tmp_path), "--measured", f"ours={evaluation}"]
    arguments += [
        "--json",
        str(outputs["json"]),
        "--csv",
        str(outputs["csv"]),
        "--report",
        str(outputs["html"]),
    ]
    assert main(arguments) == 0
    table = capsys.readouterr().out
    assert "4.33 ±1.43*" in table and "0.1*" in table and "7 " in table
    assert "left out for failed attention checks: dd" in table
    numbers = json.loads(outputs["json"].read_text())
    assert numbers["opinions"]["overall"]["ours"]["mean"] == pytest.approx(13 / 3)
    assert "ours,overall,4.33" in outputs["csv"].read_text()
    assert "data:image/png;base64," in outputs["html"].read_text()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no json", "it is no JSON"),
        ("{}", "it holds no answers to a study"),
        ('{"format": "vidstyle-study-answers", "answers": 3}', "its answers are not a list"),
        ("[" * 100_000, "it is no JSON"),
        (
            '{"format": "vidstyle-study-answers", "study": "a", "person": "b", "answers": [{"kind": "pair", '
            '"role": "check", "source": "a", "left": "b", "right": "c", "chosen": "left", "expected": []}]}',
            "answer 1, a check, does not say what was expected",
        ),
    ],
)
def test_a_broken_file_is_named_in_a_line(
    text: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answers-x.json"
    path.write_text(text)
    assert main(["study", "analyse", str(path)]) == 1
    assert line in capsys.readouterr().err


def test_grades_beyond_the_scale_and_answers_to_two_studies_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = write_answers(tmp_path, "aa", [rated("s", "x", overall=6)])
    assert main(["study", "analyse", str(wrong)]) == 1
    assert "answer 1 grades overall 6, not 1 to 5" in capsys.readouterr().err
    write_answers(tmp_path, "aa", [rated("s", "x", overall=5)])
    write_answers(tmp_path, "bb", [rated("s", "x", overall=5)], study="another")
    assert main(["study", "analyse", str(tmp_path)]) == 1
    assert "are answers to two studies" in capsys.readouterr().err


def test_numbers_of_a_condition_that_nobody_graded_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = write_answers(tmp_path, "aa", [rated("s", "x", overall=5)])
    (tmp_path / "numbers.json").write_text('{"metrics": {"lpips": {"value": 0.1}}}')
    command = ["study", "analyse", str(answers)]
    assert main([*command, "--measured", f"y={tmp_path / 'numbers.json'}"]) == 1
    assert "--measured y: the answers have no such condition; there are: x" in capsys.readouterr().err
    assert main([*command, "--failed-checks", "-1"]) == 1
    assert "--failed-checks must be at least 0, got -1" in capsys.readouterr().err


def test_an_analysis_never_replaces_the_answers_of_a_folder_nor_lands_among_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = write_answers(tmp_path, "aa", [rated("s", "x", overall=5)])
    before = answers.read_bytes()
    command = ["study", "analyse", str(tmp_path), "--overwrite", "--json"]
    for target in (answers, tmp_path / "new.json"):
        assert main([*command, str(target)]) == 1
        assert f"--json {target} would lie among the answers" in capsys.readouterr().err
    assert answers.read_bytes() == before and list(tmp_path.iterdir()) == [answers]


def test_a_session_that_was_saved_twice_counts_once(tmp_path: Path) -> None:
    first = write_answers(tmp_path, "aa", [rated("s", "x", overall=5)])
    first.rename(tmp_path / "answers-aa (1).json")
    write_answers(tmp_path, "aa", [rated("s", "x", overall=5), rated("t", "x", overall=4)])
    (person,) = read_answers([tmp_path])
    assert len(person.ratings) == 2


def test_names_reach_the_terminal_without_control_characters() -> None:
    people = [_person("a", Rating("s", "ours\x1b[31m", {"overall": 4}))]
    text = table(analyse(people))
    assert "ours\\x1b[31m" in text and "\x1b" not in text
