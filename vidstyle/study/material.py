"""What a study shows: sources, and for each condition its results, matched to the sources by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.errors import InputError, OptionError
from vidstyle.file_suffixes import CLIPS
from vidstyle.patterns import listed
from vidstyle.study.questions import REFERENCE


@dataclass(frozen=True, slots=True)
class Stimulus:
    """A clip that is shown: one condition of one source."""

    source: str
    """The source's name in answers: the stem of its file."""
    condition: str
    file: Path


def stimuli_of(sources: Sequence[Path], results: Sequence[str]) -> list[Stimulus]:
    """All clips of a study, source by source; each source itself is the condition ``reference``.

    Args:
        sources: the clips from which results were made.
        results: ``NAME=FILE``, or ``NAME=FOLDER`` with a result of each source in it: ``NAME`` is the
            condition (a tool, a setting), and a result is called ``<source>`` or ``<source>_<anything>``.

    Raises ``OptionError`` for wrong names, and ``InputError`` for what is not there.
    """
    if not sources:
        raise OptionError("a --source is needed: the clip from which the results were made")
    names = [source.stem for source in sources]
    if twice := {name for name in names if names.count(name) > 1}:
        raise OptionError(f"two sources are called {min(twice)!r}; answers need a name for each")
    for source in sources:
        if not source.is_file():
            raise InputError(f"no file {source}; give the clip from which results were made")
    conditions: dict[str, Path] = {}
    for item in results:
        name, sign, place = item.partition("=")
        if not sign or not name or not place:
            raise OptionError(f"--result must be NAME=FILE or NAME=FOLDER, got {item!r}")
        if name == REFERENCE or name in conditions:
            why = "is the source itself" if name == REFERENCE else "is there already"
            raise OptionError(f"--result {item}: the condition {name!r} {why}; choose another name")
        conditions[name] = Path(place)
    if not conditions:
        raise OptionError("a --result is needed: NAME=FILE or NAME=FOLDER, one for each tool or setting")
    return [
        Stimulus(source.stem, condition, file)
        for source in sources
        for condition, file in [
            (REFERENCE, source),
            *((name, _result(place, source, names)) for name, place in conditions.items()),
        ]
    ]


def _result(place: Path, source: Path, sources: Sequence[str]) -> Path:
    """The result of ``source`` at ``place``, a file or a folder; ``sources`` are the names of all.

    ``a_b_waves`` is a result of ``a_b`` rather than of ``a``, if there are both.
    """
    if place.is_dir():
        clips = [file for file in sorted(listed(place)) if file.suffix.lower() in CLIPS]
        same = [file for file in clips if file.stem == source.stem]
        near = same or [file for file in clips if _source_of(file.stem, sources) == source.stem]
        if len(near) == 1:
            return near[0]
        problem = f"{len(near)} clips" if near else "no clip"
        raise InputError(f"{place} has {problem} called {source.stem} or {source.stem}_…; there must be one")
    if not place.is_file():
        raise InputError(f"no file or folder {place}; give a result, or the folder of the results")
    if len(sources) > 1:
        raise OptionError(f"{place} is one file for {len(sources)} sources; give the folder of the results")
    return place


def _source_of(result: str, sources: Sequence[str]) -> str | None:
    """The longest of ``sources`` with which the name of a ``result`` begins; None if there is none."""
    known = [source for source in sources if result == source or result.startswith(f"{source}_")]
    return max(known, key=len, default=None)
