"""Names and messages as a terminal or a plot can show them."""

from __future__ import annotations

import re

# control characters, line and paragraph separators, marks of writing direction, what is no text (surrogates)
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_ANY = re.compile(f"[{_UNSEEN}]")
_IN_LINES = re.compile(f"(?!\\n)[{_UNSEEN}]")


def printable(text: str, *, keeps_lines: bool = False) -> str:
    """``text`` with escapes (``\\x1b``) for what a terminal must not get; ``keeps_lines`` keeps line ends."""
    return (_IN_LINES if keeps_lines else _ANY).sub(lambda match: ascii(match[0])[1:-1], text)
