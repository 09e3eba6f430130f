"""Segments painted by clusters of Ray and Dask on this machine, of which a worker is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import plain_engine
import pytest
from films import FRAMES, write_film

import vidstyle

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="SIGKILL"),
    pytest.mark.slow(reason="starts clusters, whose workers load torch, and kills one"),
]

_PATIENCE = 120  # s

_RAY = """
from ray.cluster_utils import Cluster

nodes = {"num_cpus": 1, "object_store_memory": 80_000_000}
cluster = Cluster(initialize_head=True, head_node_args={**nodes, "include_dashboard": False})
cluster.add_node(**nodes)
address = "ray:" + cluster.address
"""
_DASK = """
from distributed import LocalCluster

cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
address = "dask:" + cluster.scheduler_address
"""
_PROGRAM = """
import sys
import vidstyle

def main():
    {start}
    options = {{"style": "waves", "engine": "plain_engine:plain", "device": "cpu", "segments": 2.5}}
    vidstyle.stylize_video("film.mp4", "film.mkv", codec="ffv1", workers=address, **options)
    cluster.{end}()

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    ("library", "start", "end"),
    [("ray", _RAY, "shutdown"), ("distributed", _DASK, "close")],
    ids=["ray, two nodes", "dask"],
)
def test_a_cluster_paints_the_same_film_though_a_worker_is_killed(
    library: str, start: str, end: str, tmp_path: Path
) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed; pip install 'vidstyle[ray,dask]'")
    film, pids = write_film(tmp_path / "film.mp4"), tmp_path / "pids"
    pids.mkdir()
    program = _PROGRAM.format(start=start.strip().replace("\n", "\n    "), end=end)
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(plain_engine.__file__).parent), *filter(None, sys.path)]),
        plain_engine.PIDS: str(pids),
        plain_engine.PAUSE: "0.01",
        "RAY_DEDUP_LOGS": "0",
    }
    errors = tmp_path / "errors.txt"
    with (
        errors.open("wb") as told,
        subprocess.Popen(
            [sys.executable, "program.py"], cwd=tmp_path, env=environment, stdout=told, stderr=told
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _PATIENCE
            killed: list[int] = []
            while not killed:
                assert process.poll() is None, errors.read_text(errors="replace")
                assert time.monotonic() < deadline, "no worker has begun to paint"
                time.sleep(0.02)
                killed.extend(int(file.name) for file in pids.iterdir() if file.stat().st_size > 8)
            os.kill(killed[0], signal.SIGKILL)
            assert process.wait(_PATIENCE) == 0, errors.read_text(errors="replace")
        finally:
            process.kill()
    options: dict[str, Any] = {"engine": "plain_engine:plain", "segments": 2.5, "codec": "ffv1"}
    report = vidstyle.stylize_video(film, tmp_path / "here.mkv", style="waves", **options)
    assert report.frames == FRAMES
    assert (tmp_path / "film.mkv").read_bytes() == (tmp_path / "here.mkv").read_bytes()
