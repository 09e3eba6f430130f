"""Segments painted side by side, by processes or any executor: workers that die, inputs that are bad."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from films import FRAMES, write_film

import vidstyle
from vidstyle import FilmProgress, OptionError, RunReport
from vidstyle.errors import DeviceError
from vidstyle.segments.executors.dask import open_workers as open_dask
from vidstyle.segments.executors.local import open_workers
from vidstyle.segments.executors.ray import open_workers as open_ray

LIMIT = 2.5  # s: four segments, of which the third goes on from the second
_PATIENCE = 60  # s


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="module")
def expected(film: Path) -> bytes:
    """The film as this process paints it."""
    target = film.with_name("expected.mkv")
    paint(film, target)
    return target.read_bytes()


def paint(film: Path, target: Path, **options: Any) -> RunReport:
    given = {"style": "waves", "engine": "plain_engine:plain", "device": "cpu", "segments": LIMIT}
    return vidstyle.stylize_video(film, target, **{**given, "codec": "ffv1", **options})


class Dying(Executor):
    """Calls what it gets, but loses some calls as if their worker had been killed."""

    def __init__(self, *lost: int) -> None:
        self.calls = 0
        self._lost = lost

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.calls += 1
        if self.calls in self._lost:
            future.set_exception(RuntimeError("killed"))
        else:
            future.set_result(function(*arguments))
        return future


def test_any_executor_paints_segments(film: Path, tmp_path: Path, expected: bytes) -> None:
    told: list[FilmProgress] = []
    with ThreadPoolExecutor(2) as pool:
        report = paint(film, tmp_path / "film.mkv", executor=pool, workers=2, on_film=told.append)
    assert (report.frames, report.segments) == (FRAMES, 4)
    assert told[-1].segments == 4
    assert (tmp_path / "film.mkv").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


def test_a_segment_whose_worker_dies_is_painted_again(film: Path, tmp_path: Path, expected: bytes) -> None:
    pool = Dying(2, 4)
    paint(film, tmp_path / "film.mkv", executor=pool)
    assert pool.calls == 1 + 4 + 2  # what paints is described first
    assert (tmp_path / "film.mkv").read_bytes() == expected


class Interrupted(Dying):
    """Keeps the first segment that is submitted, as a queue of jobs would, and ends the run."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        if self.calls:
            self.kept = function, arguments
            raise KeyboardInterrupt
        return super().submit(function, *arguments, **options)

    def paint_kept(self) -> Any:
        function, arguments = self.kept
        return function(*arguments)


def test_a_job_that_outlives_its_run_does_not_paint_into_the_next_one(film: Path, tmp_path: Path) -> None:
    first, second = Interrupted(), Interrupted()
    for executor, options in ((first, {}), (second, {"strength": 0.5, "restart": True})):
        with pytest.raises(KeyboardInterrupt):
            paint(film, tmp_path / "film.mkv", executor=executor, **options)
    assert first.paint_kept().kind == "Stopped"
    assert not (tmp_path / ".film.mkv.vidstyle" / "00000").exists()
    assert second.paint_kept().frames > 0


def test_one_segment_may_be_painted_twice_at_a_time(film: Path, tmp_path: Path) -> None:
    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        paint(film, tmp_path / "film.mkv", executor=executor)
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: executor.paint_kept(), range(2))
    assert one.sha256 == two.sha256
    assert list((tmp_path / ".film.mkv.vidstyle").glob(".*part*")) == []


def test_two_ways_to_paint_segments_are_refused(film: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="give one of the two"):
        paint(film, tmp_path / "film.mkv", executor=Dying(), workers="ray")


@pytest.mark.parametrize("address", ["machine", "machine:port", "http://machine:8786"])
def test_an_address_of_dask_that_is_none_is_told_before_a_client_waits_for_it(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.delattr(distributed, "Client")
    with pytest.raises(DeviceError, match=f"no Dask scheduler at {address} "), open_dask(address):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:PORT", "127.0.0.1:99999", "no.such.machine.invalid:6379"])
def test_an_address_where_no_ray_cluster_is_is_told_at_once(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.delattr(ray, "init")  # which tries again for minutes
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens
        place = address.replace("PORT", str(unused.getsockname()[1]))
        with (
            pytest.raises(DeviceError, match=f"no Ray cluster at {place} .*`ray start --head`"),
            open_ray(place),
        ):
            pass


@pytest.mark.parametrize(("address", "begun"), [("", ["local"]), ("auto", [])])
def test_a_ray_cluster_that_has_died_is_not_waited_for(
    address: str, begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    addresses: list[str] = []

    def init(address: str, **options: object) -> None:
        addresses.append(address)
        raise ConnectionError("no further")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr(ray._private.utils, "read_ray_address", lambda: place)
        with pytest.raises(DeviceError, match="no Ray cluster at"), open_ray(address):
            pass
    assert addresses == begun


def test_workers_that_always_die_end_the_run(film: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="a worker died while"):
        paint(film, tmp_path / "film.mkv", executor=Dying(1))
    with pytest.raises(DeviceError, match="die each time"):
        paint(film, tmp_path / "film.mkv", executor=Dying(*range(2, 40)))


def test_what_cannot_be_painted_is_not_tried_again(film: Path, tmp_path: Path) -> None:
    pool = Dying()
    with pytest.raises(OptionError, match="cannot be painted"):
        paint(film, tmp_path / "film.mkv", executor=pool, workers=1, engine="plain_engine:broken")
    assert pool.calls <= 1 + 4


def test_another_input_at_the_workers_is_told(film: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(film.read_bytes())

    class Elsewhere(Dying):
        """Its workers see another file at the same path."""

        def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
            if self.calls == 1:
                copy.write_bytes(film.read_bytes() + b"\0")
            return super().submit(function, *arguments, **options)

    with pytest.raises(vidstyle.InputError, match="is another file on"):
        paint(copy, tmp_path / "film.mkv", executor=Elsewhere())


@pytest.mark.slow(reason="starts processes that load torch")
def test_processes_paint_the_same_film(film: Path, tmp_path: Path, expected: bytes) -> None:
    report = paint(film, tmp_path / "film.mkv", workers=2)
    assert report.frames == FRAMES
    assert (tmp_path / "film.mkv").read_bytes() == expected


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_processes_go_on_after_one_was_killed() -> None:
    with open_workers("1") as workers:
        first = workers.submit(os.getpid).result(_PATIENCE)
        waiting = workers.submit(time.sleep, _PATIENCE)
        os.kill(first, signal.SIGKILL)
        assert isinstance(waiting.exception(_PATIENCE), BrokenExecutor)
        workers.recover()
        assert workers.submit(os.getpid).result(_PATIENCE) != first


_KILLED = """
import os, signal, time
from vidstyle.segments.executors.local import open_workers

if __name__ == "__main__":
    with open_workers("1") as workers:
        workers.submit(os.getpid).result()
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_run_with_processes_that_is_killed_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(_KILLED, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # all that it started have ended, too, when the pipe is closed
    run = subprocess.run(
        [sys.executable, "killed.py"], cwd=tmp_path, env=environment, capture_output=True, timeout=_PATIENCE
    )
    assert (run.returncode, run.stdout, run.stderr) == (-signal.SIGKILL, b"", b"")
