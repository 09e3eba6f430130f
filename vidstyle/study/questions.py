"""What a study asks: four scales of absolute category rating (ITU-T P.910), and a preference."""

from __future__ import annotations

from dataclasses import dataclass

LABELS = ("Bad", "Poor", "Fair", "Good", "Excellent")
"""Of the grades 1 to 5, the words of ITU-T P.910."""

REFERENCE = "reference"
"""The condition that is the source itself, which people rate without being told (hidden reference)."""


@dataclass(frozen=True, slots=True)
class Question:
    """One scale, on which each clip gets a grade from 1 to 5."""

    name: str
    text: str
    is_of_source: bool = False
    """Whether the source itself is as good as it can be, so that grades can be told relative to its own."""


QUESTIONS = (
    Question("style", "How well does the clip have the style of the picture shown with it?"),
    Question(
        "content", "How well can you tell what is in the clip: things, people, places?", is_of_source=True
    ),
    Question("steadiness", "How steady is the clip: without flicker, crawling or jumps?", is_of_source=True),
    Question("overall", "How good is the clip overall, as a painting in motion?"),
)

METHODS = ("rating", "pairs", "both")
