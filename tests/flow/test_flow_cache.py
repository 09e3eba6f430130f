"""Motion kept on disk: found by content, safe under several runs at once, bounded in size."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vidstyle.flow.cache import FlowCache, key_of


def never() -> Tensor:
    raise AssertionError("this was to be found on disk")


def test_what_was_stored_is_found_by_another_run(tmp_path: Path) -> None:
    value = torch.randn(2, 2, 5, 7)
    assert torch.equal(FlowCache(tmp_path).get("ab1", lambda: value), value)
    assert torch.equal(FlowCache(tmp_path).get("ab1", never), value)


def test_half_precision_comes_back_as_it_was(tmp_path: Path) -> None:
    value = torch.randn(2, 2, 5, 7).half()
    FlowCache(tmp_path).get("ab1", lambda: value)
    found = FlowCache(tmp_path).get("ab1", never)
    assert found.dtype == torch.float16
    assert torch.equal(found, value)


@pytest.mark.parametrize("damage", [b"", b"no archive at all", b"PK\x03\x04 cut off"])
def test_a_broken_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    FlowCache(tmp_path).get("ab1", lambda: torch.zeros(3))
    (tmp_path / "ab" / "ab1.npz").write_bytes(damage)
    assert torch.equal(FlowCache(tmp_path).get("ab1", lambda: torch.ones(3)), torch.ones(3))
    assert torch.equal(FlowCache(tmp_path).get("ab1", never), torch.ones(3))


def test_a_folder_that_cannot_be_written_costs_no_run(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    assert torch.equal(FlowCache(file / "cache").get("ab1", lambda: torch.ones(3)), torch.ones(3))


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = FlowCache(tmp_path, limit=10_000)
    noise = torch.randn(500)  # about 2 kB, incompressible
    for index in range(4):
        cache.get(f"0{index}", lambda: noise)
        os.utime(tmp_path / f"0{index}"[:2] / f"0{index}.npz", (index, index))
    cache.get("00", never)  # used just now
    cache.get("04", lambda: noise)
    left = {path.stem for path in tmp_path.glob("??/*.npz")}
    assert "00" in left and "04" in left and "01" not in left
    assert sum(path.stat().st_size for path in tmp_path.glob("??/*")) <= 10_000


def test_leftovers_of_killed_runs_are_cleared_too(tmp_path: Path) -> None:
    (tmp_path / "aa").mkdir()
    leftover = tmp_path / "aa" / "x.part"
    leftover.write_bytes(bytes(20_000))
    os.utime(leftover, (1, 1))
    FlowCache(tmp_path, limit=10_000).get("ab1", lambda: torch.randn(500))
    assert not leftover.exists()


def _fill(folder: Path, numbers: range) -> None:
    cache = FlowCache(folder)
    for number in numbers:
        value = cache.get(f"{number % 7:02d}x", lambda number=number: torch.full((300,), float(number % 7)))  # type: ignore[misc]
        assert torch.equal(value, torch.full((300,), float(number % 7)))


def test_several_runs_share_a_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_fill, args=(tmp_path, range(60))) for _ in range(2)]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + 60
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(list(tmp_path.glob("??/*.npz"))) == 7
    assert not list(tmp_path.glob("??/*.part"))


def test_a_key_tells_pictures_and_estimators_apart() -> None:
    a, b = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    keys = [
        key_of("raft", a, b),
        key_of("raft", b, a),
        key_of("dis", a, b),
        key_of("raft", a.view(1, 3, 2, 8), b),
    ]
    assert len(set(keys)) == 4
    assert key_of("raft", a.clone(), b.clone()) == keys[0]
