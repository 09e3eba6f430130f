"""What tests of commands share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vidstyle.video.reading import pipes


@pytest.fixture
def own_pipes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What has come through pipes is kept for this test alone, and forgotten at its end."""
    used: dict[str, pipes.Pipe] = {}
    monkeypatch.setattr(pipes, "_PIPES", used)
    yield
    for pipe in used.values():
        pipe.close()
