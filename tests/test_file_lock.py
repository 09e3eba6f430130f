"""Locks of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vidstyle import file_lock
from vidstyle.file_lock import locked, unlock


def test_a_lock_is_held_once_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = locked(path)
    assert first is not None and locked(path) is None
    unlock(first, path)
    assert not path.exists()


def test_a_signal_while_a_lock_is_taken_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(descriptor: int, path: Path) -> bool:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(file_lock, "_is_the_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        locked(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_the_file_of_a_lock_is_made_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, flags: int, mode: int = 0o777) -> int:
        monkeypatch.undo()
        os.close(os.open(path, flags, mode))
        raise KeyboardInterrupt  # the file is there, and its descriptor is lost

    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        locked(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_what_ends_early_does_not_remove_the_lock_of_another(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = locked(path)
    assert first is not None
    with path.open("r+b") as other:
        descriptor = os.dup(other.fileno())
    unlock(descriptor, path)
    assert path.exists() and locked(path) is None
    unlock(first, path)
