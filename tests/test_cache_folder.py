"""Folders of the cache are bounded and never an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vidstyle import cache_folder as module
from vidstyle.cache_folder import cache_folder, trim


def test_the_least_recently_used_are_removed(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shared_cache / "tried"
    folder.mkdir(parents=True)
    for number in range(5):
        (folder / f"{number}").write_bytes(bytes(100))
        os.utime(folder / f"{number}", (number, number))
    os.utime(folder / "1", (9, 9))
    monkeypatch.setattr(module, "LIMIT", 250)
    assert cache_folder("tried") == folder
    assert sorted(path.name for path in folder.iterdir()) == ["1", "4"]


def test_a_cache_that_cannot_be_made_is_no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("vidstyle.cache_folder.user_cache", lambda: tmp_path / "file" / "cache")
    assert cache_folder("openvino") is None


def test_files_of_other_names_are_neither_counted_nor_removed(tmp_path: Path) -> None:
    for number, name in enumerate(("a.npz", "b.npz", "photo.jpg")):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (number, number))
    assert trim(tmp_path, 100, patterns=("*.npz",)) == 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.npz", "photo.jpg"]
