"""Fixtures that many tests share; clips and pictures are made once a session."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

# Tests run side by side, on tiny pictures: with a core for each process they take a quarter of the time.
# Before torch is imported, which reads it then.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Shells make processes in their background ignore Ctrl-C, and the processes of tests would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
from clips import Sound, write_clip
from folders import make_pictures

from vidstyle.video.reading import pipes

pytest_plugins = ["browser_fixture"]  # not in a conftest.py of its own: mypy takes one module of a name


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector look only at what tests make.

    Collecting the tests makes half a million objects that stay until the end, and the collector would look at
    all of them each time: half a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def plain_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 frames of 96x64 at 25 a second, H.264 in mp4, BT.709, with a tone in English."""
    return write_clip(tmp_path_factory.mktemp("clips") / "plain.mp4", sounds=[Sound()])


@pytest.fixture(scope="session")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five pictures, one of them in a folder below, to train on."""
    folder = make_pictures(tmp_path_factory.mktemp("training") / "contents", 4)
    make_pictures(folder / "more", 1, seed=8)
    return folder


@pytest.fixture(scope="session")
def styles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three pictures to train on."""
    return make_pictures(tmp_path_factory.mktemp("training") / "styles", 3, seed=5)


@pytest.fixture(autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """vidstyle's cache folder, the same in all processes of a run, so that each network is exported once.

    The user's own cache is neither read nor written by tests.
    """
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return folder / "cache" / "vidstyle"


@pytest.fixture
def own_pipes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What has come through pipes is kept for this test alone, and forgotten at its end."""
    used: dict[str, pipes.Pipe] = {}
    monkeypatch.setattr(pipes, "_PIPES", used)
    yield
    for pipe in used.values():
        pipe.close()
