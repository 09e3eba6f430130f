"""Answers of people to a study, as its page writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

STUDY = "0123456789abcdef"


def rated(source: str, condition: str, role: str = "counted", **grades: int) -> dict[str, object]:
    """An answer to a clip."""
    return {"kind": "rating", "role": role, "source": source, "condition": condition, "grades": grades}


def chose(source: str, preferred: str, other: str, role: str = "counted") -> dict[str, object]:
    """An answer to a pair, of which the preferred clip was on the right."""
    sides = {"left": other, "right": preferred, "chosen": "right"}
    return {"kind": "pair", "role": role, "source": source, **sides}


def write_answers(
    folder: Path, person: str, answers: Sequence[Mapping[str, object]], *, study: str = STUDY
) -> Path:
    """Write the file of a ``person`` into ``folder``."""
    data = {"format": "vidstyle-study-answers", "version": 1, "study": study, "person": person}
    path = folder / f"answers-{person}.json"
    path.write_text(json.dumps({**data, "finished": "2026-01-01T00:00:00Z", "answers": list(answers)}))
    return path
