"""Makes a study: one static folder with a page, clips under neutral names, and all that the page asks."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.errors import OptionError, OutputError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.study.clips import for_browser, info_of, with_message
from vidstyle.study.material import Stimulus, stimuli_of
from vidstyle.study.questions import LABELS, METHODS, QUESTIONS, REFERENCE
from vidstyle.styles.pictures import find_style
from vidstyle.video.stills import load_style, save_image

FORMAT = "vidstyle-study"
VERSION = 1
_PAGE = Path(__file__).parent / "page"
_FILES = ("index.html", "study.css", "order.js", "record.js", "trial.js", "study.js")
_DATA = "{{data}}"
_READING = 6.0  # s that a grade or a choice takes a person, by experience with P.910 sessions
LONGEST = 30 * 60  # s of a session without a break, from P.910


@dataclass(frozen=True, slots=True)
class Study:
    """A study that was made."""

    folder: Path
    ratings: int
    """Clips that a person rates."""
    pairs: int
    """Pairs that a person compares."""
    checks: int
    seconds: float
    """Estimated duration of a session."""


def make_study(
    target: Path,
    *,
    sources: Sequence[Path],
    results: Sequence[str],
    style: str | None = None,
    method: str = "both",
    training: Sequence[Path] = (),
    checks: int = 2,
    at_most: int | None = None,
    title: str = "Which paintings in motion are good?",
    seed: int = 0,
) -> Study:
    """Write the study into the new folder ``target``; it appears when it is complete.

    Args:
        target: a folder that does not exist yet.
        sources, results: see ``stimuli_of``.
        style: the style picture, a file or a bundled name; without it nothing is asked about style.
        method: ``rating``, ``pairs`` or ``both``.
        training: clips for practice at the start, whose answers do not count; if none, three of the study.
        checks: attention checks for each of ratings and pairs: clips that say what to answer.
        at_most: ratings and pairs of a person, each a random selection; None: all.
        title: what the page is called.
        seed: of the neutral names and the checks; people's orders are random in any case.

    Raises a ``VidstyleError``; then no folder is left.
    """
    if method not in METHODS:
        raise OptionError(f"--method must be one of {', '.join(METHODS)}, got {method!r}")
    for name, value, low in (("checks", checks, 0), ("at-most", 1 if at_most is None else at_most, 1)):
        if value < low:
            raise OptionError(f"--{name} must be at least {low}, got {value}")
    stimuli = stimuli_of(sources, results)
    if method == "pairs" and len(results) < 2:
        raise OptionError("--method pairs compares results; give two --result or more")
    picture = None if style is None else find_style(style)
    if target.exists() or target.is_symlink():
        raise OutputError(f"{target} exists already; remove it, or give another name for the study")
    if not target.absolute().parent.is_dir():
        raise OutputError(f"no folder {target.parent} for the study; make it first")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        (part / "media").mkdir(parents=True)
        maker = _Maker(part, random.Random(seed), f"{title}{seed}{stimuli}")
        data, seconds = maker.data(stimuli, picture, method, list(training), checks, at_most, title)
        page = (_PAGE / "index.html").read_text(encoding="utf-8")
        # "<" must not end the element that holds the data
        (part / "index.html").write_text(
            page.replace(_DATA, json.dumps(data).replace("<", "\\u003c")), encoding="utf-8"
        )
        for name in _FILES[1:]:
            shutil.copyfile(_PAGE / name, part / name)
        part.rename(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    ratings, pairs = (_at_most(data[kind], at_most) for kind in ("ratings", "pairs"))
    return Study(target, ratings, pairs, _at_most(data["checks"], None), seconds)


def read_study(folder: Path) -> Mapping[str, object]:
    """What a study's page asks; raises ``OptionError`` if ``folder`` is none."""
    try:
        page = (folder / "index.html").read_text(encoding="utf-8")
        text = page.partition('id="study-data">')[2].partition("</script>")[0]
        data: Mapping[str, object] = json.loads(text)
        if data["format"] != FORMAT:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(f"{folder} is no study; give a folder that `vidstyle study make` wrote") from error
    return data


def _at_most(items: object, limit: int | None) -> int:
    count = len(items) if isinstance(items, list) else 0
    return count if limit is None else min(count, limit)


class _Maker:
    """Copies clips into the folder of a study, and describes them for the page."""

    def __init__(self, folder: Path, chance: random.Random, identity: str) -> None:
        self._folder, self._chance = folder, chance
        self._identity = hashlib.sha256(identity.encode()).hexdigest()
        self._clips: list[dict[str, object]] = []
        self._seconds: dict[str, float] = {}

    def data(
        self,
        stimuli: Sequence[Stimulus],
        picture: Path | None,
        method: str,
        training: Sequence[Path],
        checks: int,
        at_most: int | None,
        title: str,
    ) -> tuple[dict[str, object], float]:
        """What the page reads, and how long a session takes (s)."""
        ids = {(item.source, item.condition): self._add(item) for item in stimuli}
        sources = list(dict.fromkeys(item.source for item in stimuli))
        conditions = list(dict.fromkeys(item.condition for item in stimuli))
        painted = [condition for condition in conditions if condition != REFERENCE]
        ratings = [] if method == "pairs" else list(ids.values())
        pairs = [
            [ids[source, first], ids[source, second]]
            for source in sources
            for first, second in itertools.combinations(painted, 2)
            if method != "rating"
        ]
        practice = [
            self._add(Stimulus("training", f"{number} {path.stem}", path))
            for number, path in enumerate(training, 1)
        ]
        practice = practice or [ids[sources[0], condition] for condition in (REFERENCE, *painted[:2])]
        trials: list[dict[str, object]] = []
        if ratings:
            trials += [{"kind": "rating", "clip": clip} for clip in practice]
        if pairs:
            first, second = (practice * 2)[:2] if training else pairs[0]
            trials.append({"kind": "pair", "clips": [first, second]})
        tests = [self._rating_check(stimuli[0].file) for _ in range(checks) if ratings]
        tests += [self._pair_check(stimuli[0].file) for _ in range(checks) if pairs]
        questions = [question for question in QUESTIONS if picture is not None or question.name != "style"]
        data: dict[str, object] = {
            "format": FORMAT,
            "version": VERSION,
            "title": title,
            "questions": [{"name": question.name, "text": question.text} for question in questions],
            "labels": list(LABELS),
            "style": None if picture is None else self._add_picture(picture),
            "clips": self._clips,
            "ratings": ratings,
            "pairs": pairs,
            "training": trials,
            "checks": tests,
            "atMost": at_most,
        }
        data["study"] = self._content(data)
        seconds = self._duration(ratings, at_most, len(questions)) + self._duration(
            [pair[0] for pair in pairs], at_most, 1
        )
        return data, seconds

    def _content(self, data: Mapping[str, object]) -> str:
        """A name that follows from all that is asked and shown: answers to another study never count here."""
        digest = hashlib.sha256(json.dumps(data).encode())
        for clip in sorted((self._folder / "media").iterdir()):
            digest.update(clip.name.encode())
            with clip.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:16]

    def _duration(self, clips: Sequence[str], at_most: int | None, questions: int) -> float:
        """Seconds that a session takes in which ``clips`` are looked at."""
        if not clips:
            return 0.0
        mean = sum(self._seconds[clip] for clip in clips) / len(clips)
        return _at_most(list(clips), at_most) * (mean + _READING * questions)

    def _name(self, what: str) -> str:
        """A neutral name, which tells nobody what is shown."""
        return hashlib.sha256(f"{self._identity}{what}".encode()).hexdigest()[:12]

    def _add(self, item: Stimulus) -> str:
        name = self._name(f"{item.source}/{item.condition}")
        file, info = for_browser(item.file, self._folder / "media" / name)
        return self._describe(name, file, info, source=item.source, condition=item.condition)

    def _describe(self, name: str, file: Path, info: VideoInfo, *, source: str, condition: str) -> str:
        if name not in self._seconds:
            width = round(info.width * info.pixel_aspect)
            place = f"media/{file.name}"
            size = {"width": width, "height": info.height}
            self._clips.append({"id": name, "file": place, "source": source, "condition": condition, **size})
            self._seconds[name] = float(info.duration or 0)
        return name

    def _add_picture(self, picture: Path) -> str:
        place = f"media/{self._name('style')}.jpg"
        save_image(self._folder / place, Frame(load_style(picture)))
        return place

    def _rating_check(self, clip: Path) -> dict[str, object]:
        grade = self._chance.randint(1, len(LABELS))
        card = self._card(clip, f"Choose {grade} in all questions")
        return {"kind": "rating", "clip": card, "expected": grade}

    def _pair_check(self, clip: Path) -> dict[str, object]:
        side = self._chance.choice(("left", "right"))
        card = self._card(clip, f"Choose the {side} clip")
        return {"kind": "pair", "clips": [card, card], "expected": side}

    def _card(self, clip: Path, message: str) -> str:
        name = self._name(message)
        if name not in self._seconds:
            target = self._folder / "media" / f"{name}.mp4"
            with_message(clip, target, message)
            self._describe(name, target, info_of(target), source="check", condition="check")
        return name
