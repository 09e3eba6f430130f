"""The manifest of a film: its plan, what it depends on, and which segments are done."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self, TypedDict

from vidstyle.atomic_write import write_atomically
from vidstyle.errors import OptionError
from vidstyle.segments.film_plan import FilmPlan, PlanRecord
from vidstyle.segments.hashes import text_hash
from vidstyle.segments.segment_job import ResultRecord, SegmentResult
from vidstyle.segments.work_folder import MANIFEST, disk_errors

log = logging.getLogger(__name__)

_FORMAT = 3


class ManifestRecord(TypedDict):
    """A ``Manifest`` in JSON's types."""

    format: int
    target: str
    source: str
    facts: dict[str, str]
    limit: str
    plan: PlanRecord
    done: dict[str, ResultRecord]
    joined: list[int] | None
    is_whole: bool


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """A film that is painted in segments."""

    target: Path
    source: Path
    facts: Mapping[str, str]
    """What the film depends on, by name: input, options, versions, weights."""
    limit: Fraction
    """The most seconds of a segment."""
    plan: FilmPlan
    done: Mapping[int, SegmentResult]
    """Results of segments by number."""
    joined: tuple[int, int] | None = None
    """``identity_of`` the joined film, noted just before it gets its name."""
    is_whole: bool = False
    """Whether it got its name."""

    def with_done(self, number: int, result: SegmentResult) -> Self:
        """The same with the segment ``number`` done."""
        return replace(self, done={**self.done, number: result})

    def without(self, numbers: set[int]) -> Self:
        """The same with the segments ``numbers`` to be painted."""
        return replace(self, done={place: each for place, each in self.done.items() if place not in numbers})

    def is_joined_in(self, target: Path) -> bool:
        """Whether ``target`` is the whole film; then nothing is left to do but to remove the work."""
        return self.joined is not None and self.joined == identity_of(target)

    def save(self, folder: Path) -> None:
        """Write it to ``folder`` and on to the disk; raises ``OutputError``."""
        content: ManifestRecord = {
            "format": _FORMAT,
            "target": str(self.target),
            "source": str(self.source),
            "facts": dict(self.facts),
            "limit": str(self.limit),
            "plan": self.plan.to_json(),
            "done": {str(number): result.to_json() for number, result in sorted(self.done.items())},
            "joined": None if self.joined is None else list(self.joined),
            "is_whole": self.is_whole,
        }
        data = json.dumps({"content": content, "sha256": text_hash(content)}).encode()
        with disk_errors(folder / MANIFEST):
            write_atomically(folder / MANIFEST, data, is_synced=True)

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether ``folder`` holds a manifest, damaged or not."""
        return (folder / MANIFEST).is_file()

    @classmethod
    def load(cls, folder: Path, *, is_told: bool = True) -> Self | None:
        """The manifest in ``folder``; None if there is none, or it is damaged, which is logged if asked."""
        path = folder / MANIFEST
        try:
            data = json.loads(path.read_bytes())
            content = data["content"]
            if data["sha256"] != text_hash(content) or content["format"] != _FORMAT:
                raise ValueError("its hash is another")
            return cls._of(content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            if is_told:
                log.warning("%s is damaged (%s): a run plans the film anew", path, error)
            return None

    @classmethod
    def _of(cls, content: ManifestRecord) -> Self:
        return cls(
            Path(content["target"]),
            Path(content["source"]),
            content["facts"],
            Fraction(content["limit"]),
            FilmPlan.from_json(content["plan"]),
            {int(number): SegmentResult.from_json(each) for number, each in content["done"].items()},
            None if content["joined"] is None else (content["joined"][0], content["joined"][1]),
            content["is_whole"],
        )


def identity_of(path: Path) -> tuple[int, int] | None:
    """Size (bytes) and time of change (ns) of a file or folder, which renaming keeps; None: there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def check_is_of(target: Path, manifest: Manifest, folder: Path) -> None:
    """Raise ``OptionError`` if the work in ``folder`` is of another target of the same name."""
    if manifest.target.absolute() != target.absolute():
        raise OptionError(
            f"{folder} holds the work of {manifest.target}, and not of {target}; give another --work-dir, "
            "or --restart to begin anew"
        )


def check_same(target: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise ``OptionError`` that names what differs between an earlier run for ``target`` and this one."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if not names:
        return
    told = "; ".join(
        f"{name.replace('_', ' ')} was {_short(before.get(name))} and now is {_short(now.get(name))}"
        for name in names
    )
    raise OptionError(
        f"an earlier run for {target} differs: {told}. Give what it had, or --restart to begin anew"
    )


def _short(value: str | None) -> str:
    """``value`` for a message: long hashes cut."""
    text = "not known" if value is None else value
    is_hash = len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)
    return f"{text[:8]}…" if is_hash else text
